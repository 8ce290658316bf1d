/* library - a shared library that is loaded when it is first needed. */
#include "base/library.h"

#include <dlfcn.h>
#include <sysexits.h>

int library_load(const char *soname, const char *purpose, const char *const *names, size_t count, void **functions,
		 struct err *err)
{
	/* Lazily: a library of which a few functions are called need not have all of its own calls bound. */
	void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);

	if (!library)
		return err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 5), "%s cannot be had, because its library does not load: %s.",
			       purpose, dlerror());
	for (size_t i = 0; i < count; i++) {
		functions[i] = dlsym(library, names[i]);
		if (!functions[i]) {
			err_set(err, EX_UNAVAILABLE, STATUS(5, 3, 5), "%s cannot be had, because %s has no function %s.", purpose,
				soname, names[i]);
			dlclose(library);
			return -1;
		}
	}
	return 0;
}
