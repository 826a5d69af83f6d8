/*
 * Secrets that PostgreSQL 15 itself made, and the exchange of RFC 7677, for
 * the tests of auth/.
 */
#ifndef CARPOOL_TEST_AUTH_VECTORS_H
#define CARPOOL_TEST_AUTH_VECTORS_H

#include <stddef.h>

/* CREATE ROLE ... PASSWORD, then pg_authid.rolpassword. */
struct made_verifier {
	const char *password; /* UTF-8 as the server got it */
	const char *verifier;
};

static const struct made_verifier made_verifiers[] = {
	{ "pencil", "SCRAM-SHA-256$4096:xJjhjYM8WplO8LZ8LpNXuQ==$"
		    "DnvLQJOL1hKkGMRbmRHiJtnH72eIzZcXaEXrA+qM3xo=:"
		    "FileN2tOL8UecIjd2+mOGysynSNo1T9Du9bpM6xZQjw=" },
	/* a soft hyphen is mapped to nothing */
	{ "I\xc2\xad"
	  "X",
	  "SCRAM-SHA-256$4096:RGob4potYJf8dTSdgOQbuA==$"
	  "1B5T9e0qijb2MSGLdBjGn2x9MbBXzkBAl995kYGNgao=:"
	  "JKktWP605nvHsj4OS4kFr6m73DJDw/SfMw8QrbVxZ4g=" },
	/* the feminine ordinal is an "a" */
	{ "\xc2\xaa", "SCRAM-SHA-256$4096:YkMgELWl2AGvsCQl64Q2fA==$"
		      "ToivioiYYlvQ/QRRb3bt/rv7ApKtPZj4jcsIYZSJJf8=:"
		      "sXqbzL0v8f1D8RxCnjK1z6jjGsNb3/T8bnKZzLX7YtY=" },
	/* Roman nine is "IX" */
	{ "\xe2\x85\xa8", "SCRAM-SHA-256$4096:mGkKog0CdMJHj6sL+es2Xg==$"
			  "tYqtQdEXcM7ZXnRvGpbtPCPQG6Ve5ZDQel+ra+jWSzw=:"
			  "Sz5nzTWKPN4+CNf72B7V3EFoR4+H11hwsZT6ysJqzLM=" },
	/* right to left at one end alone: the raw bytes */
	{ "\xd8\xa7"
	  "1",
	  "SCRAM-SHA-256$4096:u0VLvG8Bk/dcTr1+S0PC8g==$"
	  "wrIm88toyVBNWjs+og7eBjbH/UhlAcjY/AgF8dHKitw=:"
	  "uAHZfZ9SwtcuzjqAUVuqiV5AonRk5YkPNkfU1sd1exY=" },
	/* Lodz in Polish, a space that does not break, a ligature */
	{ "\xc5\x81\xc3\xb3"
	  "d\xc5\xba\xc2\xa0\xef\xac\x81",
	  "SCRAM-SHA-256$4096:5rww5U0dYoM074xh/HqjxQ==$"
	  "siy06dnN65FD2jE4tm8ZnKIwcJApVgapPaOjYvdvzhU=:"
	  "AW2QyPX9Nf68r5HHaQYbe9IH3orCuV6iAFlIHkRkWDs=" },
	/* nothing is left after mapping: the raw bytes */
	{ "\xc2\xad", "SCRAM-SHA-256$4096:hHWSFNepplWj1wvWjca89Q==$"
		      "cAdGKZu3KP4ir1OQd3h2wMyDs2leDfPhHPM+l9iujIE=:"
		      "WZFw2sh9D9IlG2Vb0SeJh+rGm0jcbN3wnRZjUwjfs4M=" },
	/* U+0341 is prohibited although its normal form is not */
	{ "a\xcd\x81"
	  "b",
	  "SCRAM-SHA-256$4096:OSwKqQG9q/5arOgc8zC+6w==$"
	  "eT+DBF6wdsg/nrHlsA0qDg/pFRzGheb5e8nvADkKh9w=:"
	  "2dJSrLH15S6+UG9Ls/ncEXvFWRdNgF1tx0KHlVtQKSA=" },
	/* U+2135 runs left to right, its normal form right to left */
	{ "a\xe2\x84\xb5", "SCRAM-SHA-256$4096:96eOsIE75RQl8nFWaadNAw==$"
			   "qhm578FqmVtWcRTaAv5IR5FrOebFg4Hro3DkucE36Us=:"
			   "onG9QPNmLrZgzT3m4RTOm5Ym2Ju0GxRMTrVtzZFzhpI=" },
	/* U+0221 was not assigned in Unicode 3.2: the raw bytes */
	{ "\xc8\xa1"
	  "x",
	  "SCRAM-SHA-256$4096:Bkh6N2cfn9CjtttC6xDLHg==$"
	  "92i+3OVtgPPpRaXJ6DeLiP/IYrVAzSHAQ8UZ958/dZk=:"
	  "OAPO1KYZ200BC3nKoDRlu1OlKQc1fZIDptwQWlytuwQ=" },
	/* control characters in ASCII alone are taken as they are */
	{ "tab\tand\x01", "SCRAM-SHA-256$4096:1kiBhxunebBmf30jdK4TnQ==$"
			  "GCjxNfENNAGAIAqlXo3e+YCdLRZeEuA+uIgQ7FZMvh0=:"
			  "Spz18EEnq2JcQmGYFHGRHCj2gvg77yFyW+U4+cCO5aE=" },
	/* and beside other characters are prohibited */
	{ "\xc3\xa9\x01", "SCRAM-SHA-256$4096:bu9YczamFQD0UwSAZ4inGg==$"
			  "YqfEUos/DLRqmhVMW2KbBqayA5KasI3a+WIpjRBpqX4=:"
			  "su91QV7gXGOC+TkM6/8IV2FCE/qEls25SxZwaJq9J+o=" },
};

struct made_md5 {
	const char *user;
	const char *password;
	const char *secret;
};

static const struct made_md5 made_md5s[] = {
	{ "m1", "pencil", "md57474753e4b2f9e23953d5977773aabb0" },
	{ "\xc3\x9cn\xc3\xaf", "p\xc3\xa4ssword",
	  "md5715dd60f14b17f23b9206579b5b56c4c" },
};

/* RFC 7677, section 3. */
#define RFC_PASSWORD "pencil"
#define RFC_NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define RFC_CLIENT_BARE "n=user,r=rOprNGfwEbeRWgbNEkqO"
#define RFC_SERVER_FIRST "r=" RFC_NONCE ",s=" RFC_SALT ",i=4096"
#define RFC_CLIENT_FINAL                                                       \
	"c=biws,r=" RFC_NONCE ",p=dHzbZapWIk4jUhN+"                            \
	"Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define RFC_SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

#endif
