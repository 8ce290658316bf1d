/* media_signature - beginnings that leave no doubt what a file is.
 *
 * libmagic knows thousands, and walks through eight megabytes to find one of them, which is more memory than the whole
 * mail takes. Here are those of what is large or often mailed, and none that a text could have by chance ("mustard" is no
 * tar archive). */
#include "compose/media_type.h"

static const struct {
	size_t offset;
	struct view octets, type;
} signatures[] = {
	{0, VIEW("\x89PNG\r\n\x1a\n"), VIEW("image/png")},
	{0, VIEW("\xff\xd8\xff"), VIEW("image/jpeg")},
	{0, VIEW("GIF87a"), VIEW("image/gif")},
	{0, VIEW("GIF89a"), VIEW("image/gif")},
	{4, VIEW("ftypheic"), VIEW("image/heic")},
	{4, VIEW("ftypavif"), VIEW("image/avif")},
	{8, VIEW("WEBPVP8"), VIEW("image/webp")},
	{4, VIEW("ftypisom"), VIEW("video/mp4")},
	{4, VIEW("ftypmp42"), VIEW("video/mp4")},
	{4, VIEW("ftypM4V "), VIEW("video/x-m4v")},
	{4, VIEW("ftypqt  "), VIEW("video/quicktime")},
	{4, VIEW("ftyp3gp"), VIEW("video/3gpp")},
	{4, VIEW("ftypM4A "), VIEW("audio/x-m4a")},
	{8, VIEW("WAVEfmt "), VIEW("audio/x-wav")},
	{0, VIEW("ID3\x03"), VIEW("audio/mpeg")},
	{0, VIEW("ID3\x04"), VIEW("audio/mpeg")},
	{0, VIEW("fLaC\0\0\0\x22"), VIEW("audio/flac")},
	{0, VIEW("%PDF-"), VIEW("application/pdf")},
	{0, VIEW("%!PS-"), VIEW("application/postscript")},
	{0, VIEW("{\\rtf"), VIEW("application/rtf")},
	{0, VIEW("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), VIEW("application/x-ole-storage")},
	{0, VIEW("PK\x03\x04"), VIEW("application/zip")},
	{0, VIEW("\x1f\x8b\x08"), VIEW("application/gzip")},
	{4, VIEW("1AY&SY"), VIEW("application/x-bzip2")},
	{0, VIEW("\xfd" "7zXZ\0"), VIEW("application/x-xz")},
	{0, VIEW("\x28\xb5\x2f\xfd"), VIEW("application/zstd")},
	{0, VIEW("7z\xbc\xaf\x27\x1c"), VIEW("application/x-7z-compressed")},
	{0, VIEW("Rar!\x1a\x07"), VIEW("application/vnd.rar")},
	{257, VIEW("ustar\0"), VIEW("application/x-tar")},
	{257, VIEW("ustar  \0"), VIEW("application/x-tar")},
	{32768, VIEW("\1" "CD001\1"), VIEW("application/x-iso9660-image")},
	{0, VIEW("SQLite format 3\0"), VIEW("application/vnd.sqlite3")},
	{0, VIEW("\xd4\xc3\xb2\xa1"), VIEW("application/vnd.tcpdump.pcap")},
};

struct view media_signature_find(struct view start)
{
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
		if (view_starts(view_from(start, signatures[i].offset), signatures[i].octets))
			return signatures[i].type;
	return (struct view){0};
}
