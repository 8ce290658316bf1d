/* faults - a library for LD_PRELOAD: memory that is refused once, reads and writes that are short.
 *
 *	FAULT_ALLOCATION=N	the N-th allocation that the program itself asks for fails: libraries, the C library's NSS and
 *				iniparser among them, may die of theirs, and nothing is lost by it ...
 *	FAULT_GENERATION=N	... in the process that so many forks made of the first one; without it in the first
 *	FAULT_MARK=FILE		a page of zeros; begins with x when one has failed, and then no other does (mapped, for a worker
 *				may open nothing)
 *	FAULT_SHORT=1		read, pread, recv, write and send move at most a few octets */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static unsigned long wanted, counted, generation, wanted_generation, turn;
static const char *text, *text_end;	/* of the program */
static char *mark;
static int is_short;

static void count_fork(void)
{
	generation++;
	counted = 0;
}

static unsigned long number(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : 0;
}

/* The program is the first that there is. */
static int find_text(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size, (void)context;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		text = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		text_end = text + info->dlpi_phdr[i].p_memsz;
	}
	return 1;
}

__attribute__((constructor)) static void begin(void)
{
	int fd = getenv("FAULT_MARK") ? open(getenv("FAULT_MARK"), O_RDWR | O_CLOEXEC) : -1;
	void *page = fd >= 0 ? mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

	mark = page == MAP_FAILED ? NULL : page;
	if (fd >= 0)
		close(fd);
	wanted = number("FAULT_ALLOCATION");
	wanted_generation = number("FAULT_GENERATION");
	is_short = (int)number("FAULT_SHORT");
	pthread_atfork(NULL, NULL, count_fork);
	dl_iterate_phdr(find_text, NULL);
	counted = 0;
}

static int fails(const char *caller)
{
	if (!mark || generation != wanted_generation || caller < text || caller >= text_end || ++counted != wanted)
		return 0;
	if (__atomic_exchange_n(mark, 'x', __ATOMIC_SEQ_CST) == 'x')
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	if (size && count > (size_t)-1 / size) {
		errno = ENOMEM;
		return NULL;
	}
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, count * size);
}

static size_t shorten(size_t len)
{
	size_t most = 1 + turn++ % 7;

	return is_short && len > most ? most : len;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *data, size_t len)
{
	return REAL(read)(fd, data, shorten(len));
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	return REAL(pread)(fd, data, shorten(len), offset);
}

/* Memory takes all that it is given. */
static int is_memory(int fd)
{
	char path[64], target[64];
	ssize_t len;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof target - 1);
	return len > 0 && strncmp(target, "/memfd:", 7) == 0;
}

ssize_t write(int fd, const void *data, size_t len)
{
	return REAL(write)(fd, data, is_memory(fd) ? len : shorten(len));
}

/* What is a packet stays one. */
static int is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
	return REAL(recv)(fd, data, is_stream(fd) ? shorten(len) : len, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	return REAL(send)(fd, data, is_stream(fd) ? shorten(len) : len, flags);
}
