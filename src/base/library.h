/* library - a shared library that is loaded when it is first needed.
 *
 * Start-up is most of what a mail costs, so only libc is linked; a file that uses another library lists the functions
 * it calls and gets a table of them, typed from the library's own header:
 *
 *	#define IDN2_FUNCTIONS(F) F(idn2_free) F(idn2_to_ascii_8z)
 *	LIBRARY(idn2, SONAME_IDN2, "recommended", "idna", "International domain names", IDN2_FUNCTIONS)
 *	...
 *	const struct idn2_functions *idn2 = idn2_load(err);
 *
 * What a library is called when it is loaded, ./configure finds out by linking it: the next release of a system may have
 * another version. A note in the ELF file tells packagers what may be loaded (the .note.dlopen section that systemd has
 * defined), and whether paloma is of use without: "required", "recommended" or "suggested". With --enable-direct-linking
 * the same table is filled by the linker. The table is written once and is the one exception to the rule that no file keeps state. */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* Fills functions, an array of function pointers, in the order of names.
 * Fails with EX_UNAVAILABLE 5.3.5 and the loader's words. */
int library_load(const char *soname, const char *purpose, const char *const *names, size_t count, void **functions,
		 struct err *err);

#define LIBRARY_MEMBER(name) __typeof__(name) *name;
#define LIBRARY_NAME(name) #name,
#define LIBRARY_VALUE(name) .name = &name,

#ifdef PALOMA_DIRECT_LINKING

#define LIBRARY(prefix, soname, priority, feature, purpose, FUNCTIONS) \
	struct prefix##_functions { \
		FUNCTIONS(LIBRARY_MEMBER) \
	}; \
	__attribute__((unused)) static const struct prefix##_functions *prefix##_load(struct err *err) \
	{ \
		static const struct prefix##_functions functions = {FUNCTIONS(LIBRARY_VALUE)}; \
\
		(void)err; \
		return &functions; \
	}

#else

#define LIBRARY_JSON(soname, priority, feature, purpose) \
	"[{\"feature\":\"" feature "\",\"description\":\"" purpose "\",\"priority\":\"" priority "\",\"soname\":[\"" soname "\"]}]"

#define LIBRARY(prefix, soname, priority, feature, purpose, FUNCTIONS) \
	struct prefix##_functions { \
		FUNCTIONS(LIBRARY_MEMBER) \
	}; \
	__attribute__((used, retain, section(".note.dlopen"), aligned(4))) static const struct { \
		uint32_t name_size, json_size, type; \
		char name[4]; \
		char json[(sizeof LIBRARY_JSON(soname, priority, feature, purpose) + 3) / 4 * 4]; \
	} prefix##_note = {4, sizeof LIBRARY_JSON(soname, priority, feature, purpose), 0x407c0c0a, "FDO", \
		LIBRARY_JSON(soname, priority, feature, purpose)}; \
	__attribute__((unused)) static const struct prefix##_functions *prefix##_load(struct err *err) \
	{ \
		static const char *const names[] = {FUNCTIONS(LIBRARY_NAME)}; \
		static union { \
			struct prefix##_functions functions; \
			void *pointers[sizeof names / sizeof *names]; \
		} table; \
		static bool is_loaded; \
\
		if (!is_loaded) \
			is_loaded = !library_load(soname, purpose, names, sizeof names / sizeof *names, table.pointers, err); \
		return is_loaded ? &table.functions : NULL; \
	}

#endif
#endif
