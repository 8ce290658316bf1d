/* blob - re-readable bytes: memory, or a file that is open and stays open. */
#include "base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"

enum { BLOB_STREAM_OCTETS = 64 * 1024 };

struct blob {
	unsigned owners;
	int fd;				/* -1: in memory */
	bool is_ours;			/* the file: nobody else can change what we have of it */
	bool is_borrowed;		/* fd, which is closed by its owner */
	char *name;
	struct view memory;		/* borrowed, or what own holds */
	struct buf own;
	uint64_t size;
	struct stat opened;
};

static struct blob *blob_new(const char *name)
{
	struct blob *blob = mem_alloc(sizeof *blob);

	blob->owners = 1;
	blob->fd = -1;
	blob->name = mem_copy_str(view_of(name));
	buf_init(&blob->own, BLOB_MEMORY_OCTETS);
	return blob;
}

struct blob *blob_from_view(struct view v)
{
	struct blob *blob = blob_new("");

	blob->memory = v;
	blob->size = v.len;
	return blob;
}

struct blob *blob_from_copy(struct view v)
{
	struct blob *blob = blob_new("");

	blob->own.limit = v.len;
	buf_append(&blob->own, v);
	blob->memory = buf_view(&blob->own);
	blob->size = v.len;
	return blob;
}

static const char *what_it_is(mode_t mode)
{
	return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

/* A file whose size the kernel does not know would be sent as nothing. */
static bool has_hidden_content(const struct blob *blob)
{
	char octet;

	return pread(blob->fd, &octet, 1, 0) > 0;
}

struct blob *blob_open_file(const char *path, uint64_t max_octets, struct err *err)
{
	struct blob *blob = blob_new(path);

	blob->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (blob->fd < 0 || fstat(blob->fd, &blob->opened) < 0) {
		err_set_errno(err, errno == EACCES ? EX_NOPERM : EX_NOINPUT, errno, "Cannot open %s", path);
		goto failed;
	}
	if (!S_ISREG(blob->opened.st_mode)) {
		err_set(err, EX_NOINPUT, STATUS(5, 3, 0), "%s is %s, not a regular file.", path,
			what_it_is(blob->opened.st_mode));
		goto failed;
	}
	blob->size = (uint64_t)blob->opened.st_size;
	if (max_octets && blob->size > max_octets) {
		err_set(err, EX_DATAERR, STATUS(5, 3, 4), "%s has %llu octets; the limit is %llu.", path,
			(unsigned long long)blob->size, (unsigned long long)max_octets);
		goto failed;
	}
	if (blob->size == 0 && has_hidden_content(blob)) {
		err_set(err, EX_DATAERR, STATUS(5, 3, 0), "%s says that it is empty and is not, as files of /proc do; hand it over on standard input.",
			path);
		goto failed;
	}
	return blob;
failed:
	blob_free(blob);
	return NULL;
}

struct blob *blob_from_descriptor(int fd, const char *name, uint64_t size)
{
	struct blob *blob = blob_new(name);

	blob->is_ours = blob->is_borrowed = true;
	blob->size = size;
	blob->fd = fd;
	return blob;
}

struct blob *blob_new_spill(const char *name)
{
	struct blob *blob = blob_new(name);

	blob->is_ours = true;
	return blob;
}

static int write_at_end(struct blob *blob, struct view v, struct err *err)
{
	while (v.len) {
		ssize_t written = pwrite(blob->fd, v.data, v.len, (off_t)blob->size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_set_errno(err, EX_IOERR, errno, "Cannot keep %s in a temporary file", blob->name);
		blob->size += (uint64_t)written;
		v = view_from(v, (size_t)written);
	}
	return 0;
}

const char *blob_temporary_folder(void)
{
	const char *folder = secure_getenv("TMPDIR");

	return folder && *folder ? folder : "/tmp";
}

static int open_temporary(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	if (snprintf(path, sizeof path, "%s/paloma.XXXXXX", folder) >= (int)sizeof path)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* Moves what is in memory to a file that has no name, so that no crash leaves it behind. */
static int spill(struct blob *blob, struct err *err)
{
	const char *folder = blob_temporary_folder();
	struct view memory = buf_view(&blob->own);

	blob->fd = open_temporary(folder);
	if (blob->fd < 0)
		return err_set_errno(err, EX_CANTCREAT, errno, "Cannot make a temporary file in %s for %s",
				     folder, blob->name);
	blob->size = 0;
	if (write_at_end(blob, memory, err) < 0)
		return -1;
	buf_clear(&blob->own);
	blob->memory = view_make(NULL, 0);
	return 0;
}

int blob_append(struct blob *blob, struct view v, struct err *err)
{
	if (blob->fd < 0 && v.len > BLOB_MEMORY_OCTETS - blob->own.len && spill(blob, err) < 0)
		return -1;
	if (blob->fd >= 0)
		return write_at_end(blob, v, err);
	buf_append(&blob->own, v);
	blob->memory = buf_view(&blob->own);
	blob->size = blob->own.len;
	return 0;
}

ssize_t blob_read_stream(int fd, char *data, size_t len)
{
	for (;;) {
		ssize_t got = read(fd, data, len);

		if (got >= 0 || (errno != EINTR && errno != EAGAIN))
			return got;
		if (errno == EAGAIN && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) < 0 && errno != EINTR)
			return -1;
	}
}

struct blob *blob_from_stream(int fd, const char *name, uint64_t max_octets, struct err *err)
{
	struct blob *blob = blob_new_spill(name);
	char *block = mem_realloc_array(NULL, BLOB_STREAM_OCTETS, 1);
	ssize_t got;

	while ((got = blob_read_stream(fd, block, BLOB_STREAM_OCTETS)) > 0) {
		if (max_octets && (uint64_t)got > max_octets - blob->size) {
			err_set(err, EX_DATAERR, STATUS(5, 3, 4), "%s has more than %llu octets.", name,
				(unsigned long long)max_octets);
			goto failed;
		}
		if (blob_append(blob, view_make(block, (size_t)got), err) < 0)
			goto failed;
	}
	if (got < 0) {
		err_set_errno(err, EX_IOERR, errno, "Cannot read %s", name);
		goto failed;
	}
	free(block);
	return blob;
failed:
	free(block);
	blob_free(blob);
	return NULL;
}

struct blob *blob_share(struct blob *blob)
{
	blob->owners++;
	return blob;
}

void blob_free(struct blob *blob)
{
	if (!blob || --blob->owners)
		return;
	if (blob->fd >= 0 && !blob->is_borrowed)
		close(blob->fd); /* read, or ours and unlinked: nothing can be lost */
	buf_clear(&blob->own);
	free(blob->name);
	free(blob);
}

uint64_t blob_size(const struct blob *blob)
{
	return blob->size;
}

const char *blob_name(const struct blob *blob)
{
	return blob->name;
}

bool blob_memory(const struct blob *blob, struct view *v)
{
	if (blob->fd >= 0)
		return false;
	*v = blob->memory;
	return true;
}

static int check_unchanged(struct blob *blob, struct err *err)
{
	struct stat now;

	if (blob->is_ours)
		return 0;
	if (fstat(blob->fd, &now) < 0)
		return err_set_errno(err, EX_IOERR, errno, "Cannot look at %s", blob->name);
	if (now.st_size != blob->opened.st_size)
		return err_set(err, EX_DATAERR, STATUS(5, 3, 0), "%s had %llu octets when it was opened and has %llu now.",
			       blob->name, (unsigned long long)blob->opened.st_size, (unsigned long long)now.st_size);
	if (now.st_mtim.tv_sec != blob->opened.st_mtim.tv_sec || now.st_mtim.tv_nsec != blob->opened.st_mtim.tv_nsec)
		return err_set(err, EX_DATAERR, STATUS(5, 3, 0), "%s was changed while it was being read.", blob->name);
	return 0;
}

int blob_read_at(struct blob *blob, uint64_t offset, char *data, size_t len, size_t *got, struct err *err)
{
	uint64_t left = offset < blob->size ? blob->size - offset : 0;

	if (len > left)
		len = (size_t)left;
	*got = len;
	if (blob->fd < 0) {
		if (len)
			memcpy(data, blob->memory.data + offset, len);
		return 0;
	}
	for (size_t done = 0; done < len;) {
		ssize_t read_now = pread(blob->fd, data + done, len - done, (off_t)(offset + done));

		if (read_now < 0 && errno == EINTR)
			continue;
		if (read_now < 0)
			return err_set_errno(err, EX_IOERR, errno, "Cannot read %s", blob->name);
		if (read_now == 0 && blob->is_ours)
			return err_set(err, EX_IOERR, STATUS(4, 3, 0), "%s has lost octets.", blob->name);
		if (read_now == 0)
			break; /* shrunk: check_unchanged says so */
		done += (size_t)read_now;
	}
	return check_unchanged(blob, err);
}
