/* texts - what a subject, a name or a file may be called. */
#ifndef TESTS_MAIL_TEXTS_H
#define TESTS_MAIL_TEXTS_H

static const char *const texts[] = {
	"x",
	"Hello world",
	"two  spaces,   three",
	"J\xc3\xbcrgen",
	"\xc3\xa4 \xc3\xb6 \xc3\xbc",
	"a \xc3\xa4  b  \xc3\xb6 c",
	"\xc3\xa4 one two three four \xc3\xb6",
	"=?x?y?z?=",
	"a =?utf-8?q?b?= c",
	"=?utf-8?q?b?=",
	"x=?utf-8?q?b?=y",
	"=?",
	"a=?b",
	"?= =? ?=",
	"\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a\xf0\x9f\x95\x8a",
	"under_score = equals ? mark \xc3\xa4",
	"\"quoted\" and \\ back\\\\slash",
	"comma, semicolon; colon: <angle> (paren) [square] @ .",
	"trailing dot.",
	"J. R. R. Tolkien",
	"tab\xc3\xa4",
	"5 \xe2\x82\xac",
	"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe4\xbb\xb6\xe5\x90\x8d\xe3\x81\xaf\xe9\x95\xb7\xe3\x81\x84\xe3\x81\xae\xe3\x81\xa7\xe6\x8a"
	"\x98\xe3\x82\x8a\xe8\xbf\x94\xe3\x81\x95\xe3\x82\x8c\xe3\x81\xbe\xe3\x81\x99\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
	"A subject that is plain but rather long, so that it has to be folded once or even twice, whatever may stand in it",
	"A subject that is l\xc3\xb6ng, s\xc3\xb6 that it has t\xc3\xb6 be f\xc3\xb6lded once \xc3\xb6r even twice, whatever may st\xc3\xa4nd in it",
	"https://example.org/a/very/long/path/that/has/no/space/in/it/and/goes/on/and/on/beyond/the/line/for/ever/and/ever.html",
};

#endif
