# What the service manager wants to know; ./configure --with-systemd-units=FOLDER, or without.
EXTRA_DIST += %D%/systemd/paloma.service.in %D%/systemd/paloma.socket %D%/systemd/paloma.sysusers %D%/systemd/paloma.tmpfiles.in
CLEANFILES += %D%/systemd/paloma.service %D%/systemd/paloma.tmpfiles

# An example of the settings; who packages paloma puts it into place.
exampledir = $(docdir)/examples
dist_example_DATA = %D%/paloma.conf

# Completions for shells, made of the tables of options by the program itself.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d
CLEANFILES += %D%/completion/paloma %D%/completion/_paloma %D%/completion/paloma.fish

%D%/completion/paloma: src/paloma$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %D%/completion && src/paloma$(EXEEXT) --completion bash >$@
%D%/completion/_paloma: src/paloma$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %D%/completion && src/paloma$(EXEEXT) --completion zsh >$@
%D%/completion/paloma.fish: src/paloma$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %D%/completion && src/paloma$(EXEEXT) --completion fish >$@

if CAN_RUN
nodist_bashcompletion_DATA = %D%/completion/paloma
nodist_zshcompletion_DATA = %D%/completion/_paloma
nodist_fishcompletion_DATA = %D%/completion/paloma.fish
endif

# A package for Debian: debian/ has to be at the top of the tree, so it is built in a copy of the release.
DEBIAN_FILES = changelog control copyright dlopen-depends paloma.README.Debian paloma.links paloma.postinst paloma.postrm \
	paloma.prerm rules source/format
EXTRA_DIST += $(DEBIAN_FILES:%=%D%/debian/%) %D%/make-deb %D%/apparmor/paloma-service
.PHONY: deb
deb: dist
	$(srcdir)/%D%/make-deb $(DIST_ARCHIVES) "$(abs_top_builddir)/build/debian"

SUBSTITUTE = sed -e 's|@bindir[@]|$(bindir)|g' -e 's|@localstatedir[@]|$(localstatedir)|g'

%D%/systemd/paloma.service: %D%/systemd/paloma.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D%/systemd && $(SUBSTITUTE) $(srcdir)/%D%/systemd/paloma.service.in >$@
%D%/systemd/paloma.tmpfiles: %D%/systemd/paloma.tmpfiles.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D%/systemd && $(SUBSTITUTE) $(srcdir)/%D%/systemd/paloma.tmpfiles.in >$@

if WITH_SYSTEMD_UNITS
all-local: %D%/systemd/paloma.service %D%/systemd/paloma.tmpfiles

install-data-local: %D%/systemd/paloma.service %D%/systemd/paloma.tmpfiles
	$(MKDIR_P) "$(DESTDIR)$(systemdunitdir)" "$(DESTDIR)$(sysusersdir)" "$(DESTDIR)$(tmpfilesdir)"
	$(INSTALL_DATA) %D%/systemd/paloma.service "$(DESTDIR)$(systemdunitdir)/paloma.service"
	$(INSTALL_DATA) $(srcdir)/%D%/systemd/paloma.socket "$(DESTDIR)$(systemdunitdir)/paloma.socket"
	$(INSTALL_DATA) $(srcdir)/%D%/systemd/paloma.sysusers "$(DESTDIR)$(sysusersdir)/paloma.conf"
	$(INSTALL_DATA) %D%/systemd/paloma.tmpfiles "$(DESTDIR)$(tmpfilesdir)/paloma.conf"

uninstall-local:
	rm -f "$(DESTDIR)$(systemdunitdir)/paloma.service" "$(DESTDIR)$(systemdunitdir)/paloma.socket" \
		"$(DESTDIR)$(sysusersdir)/paloma.conf" "$(DESTDIR)$(tmpfilesdir)/paloma.conf"
endif
