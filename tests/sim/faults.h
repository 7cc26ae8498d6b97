/* What goes wrong with the providers, and when: the little language of --script. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIM_PROVIDERS = 3, SIM_FAULTS = 32 };

/* What a provider does with a request. LIMIT_… are no faults: how much it takes in any minute. */
enum { DO_ANSWER, DO_STATUS, DO_HTML, DO_QUOTA, DO_DEAD, DO_SLOW, DO_CUT0, DO_CUT, DO_RST, LIMIT_RPM, LIMIT_TPM };

static const struct {
    const char *name, *help;
    int what, status, otherwise;   /* otherwise: N where none is given */
} sim_words[] = {
    {"429", "a rate limit; N: with Retry-After, so many seconds", DO_STATUS, 429, -1},
    {"500", "an error of its own", DO_STATUS, 500, -1},
    {"502", "a page of HTML", DO_HTML, 502, -1},
    {"503", "overloaded; N: with Retry-After", DO_STATUS, 503, -1},
    {"529", "overloaded, as Anthropic says it; N: with Retry-After", DO_STATUS, 529, -1},
    {"key", "the key is wrong: 401", DO_STATUS, 401, -1},
    {"quota", "nothing is left: 429 insufficient_quota", DO_QUOTA, 429, -1},
    {"dead", "no reply, ever", DO_DEAD, 0, -1},
    {"slow", "answers N ms later than it would (20000)", DO_SLOW, 200, 20000},
    {"cut0", "the reply ends before its first content", DO_CUT0, 200, -1},
    {"cut", "the reply ends within its content", DO_CUT, 200, -1},
    {"rst", "no connection", DO_RST, 0, -1},
    {"rpm", "takes N requests in any minute, 429 for the rest", LIMIT_RPM, 429, 60},
    {"tpm", "takes N tokens in any minute, 429 for the rest", LIMIT_TPM, 429, 100000}
};
enum { SIM_WORDS = (int)(sizeof sim_words / sizeof *sim_words) };

typedef struct sim_fault {
    unsigned who;                  /* a bit a provider */
    int word;                      /* of sim_words */
    long n;                        /* -1: none given */
    int percent;                   /* of the requests */
    long from_ms, to_ms, period_ms; /* period 0: once */
} sim_fault;

typedef struct sim_script {
    sim_fault at[SIM_FAULTS];
    int count;
} sim_script;

static const char *sim_number(const char *s, long *n) {
    char *end;
    *n = strtol(s, &end, 10);
    return end == s || *n < 0 || *n > 100000000 ? NULL : end;
}

/* "a:dead@60-120": behind the colon on. NULL: it is none. */
static const char *sim_read_one(const char *s, sim_fault *to) {
    size_t len = strcspn(s, "=%@/,"), i;
    long n;
    for (i = 0; i < SIM_WORDS && (strlen(sim_words[i].name) != len || memcmp(sim_words[i].name, s, len) != 0); i++) continue;
    if (i == SIM_WORDS) return NULL;
    to->word = (int)i;
    to->n = sim_words[i].otherwise;
    to->percent = 100;
    to->from_ms = to->period_ms = 0;
    to->to_ms = 2000000000;
    for (s += len; s && *s && *s != ',';) {
        char c = *s;
        s = sim_number(s + 1, &n);
        if (!s) return NULL;
        if (c == '=') to->n = n;
        else if (c == '%') to->percent = (int)(n < 100 ? n : 100);
        else if (c == '/') to->period_ms = n < 2000000 ? n * 1000 : 2000000000;
        else if (c == '@' && *s == '-') {
            to->from_ms = n < 2000000 ? n * 1000 : 2000000000;
            s = sim_number(s + 1, &n);
            to->to_ms = n < 2000000 ? n * 1000 : 2000000000;
        } else return NULL;
    }
    return s;
}

/* False: *why names the place. */
static bool sim_read(const char *s, sim_script *to, const char **why) {
    memset(to, 0, sizeof *to);
    while (*s) {
        sim_fault *f = &to->at[to->count];
        *why = s;
        if (to->count == SIM_FAULTS) return false;
        for (; *s >= 'a' && *s < 'a' + SIM_PROVIDERS; s++) f->who |= 1u << (*s - 'a');
        if (!f->who || *s != ':' || (s = sim_read_one(s + 1, f)) == NULL) return false;
        to->count++;
        if (*s == ',') s++;
    }
    return true;
}

static bool sim_is_limit(const sim_fault *f) {
    return sim_words[f->word].what == LIMIT_RPM || sim_words[f->word].what == LIMIT_TPM;
}

/* Does it hold at that moment? */
static bool sim_holds(const sim_fault *f, int provider, int64_t ms) {
    if (!(f->who >> provider & 1)) return false;
    if (f->period_ms) ms %= f->period_ms;
    return ms >= f->from_ms && ms < f->to_ms;
}

/* The limit of that kind that a provider has all the time; 0: none. */
static long sim_limit(const sim_script *s, int provider, int what) {
    int i;
    for (i = 0; i < s->count; i++)
        if (sim_words[s->at[i].word].what == what && s->at[i].who >> provider & 1) return s->at[i].n;
    return 0;
}

static void sim_help(FILE *to) {
    int i;
    fprintf(to,
        "sim: thousands of calls by the public API against three providers, in virtual time: how often, how fast and how dear they are answered, by policy.\n\n"
        "  sim                        the scenarios, their bars, and a sweep over seeds: what the tests run\n"
        "  sim [--seed N] [--calls N] [--rate N] [--script S] [--policy P] [--log]\n"
        "    --seed N      of everything that is chance (1)\n"
        "    --calls N     (2000)\n"
        "    --rate N      calls a second, on the average (5)\n"
        "    --policy P    none, retry, fallback or full; without: each of them\n"
        "    --script S    what goes wrong; without: nothing\n"
        "    --log         what the library logs\n\n"
        "A script is a list, with commas between: WHO:FAULT[=N][%%P][@FROM-TO][/PERIOD]\n"
        "  WHO             one or more of a, b, c\n"
        "  %%P              of P percent of the requests only, by chance\n"
        "  @FROM-TO        seconds from the beginning; without: all the time\n"
        "  /PERIOD         again every so many seconds\n"
        "  FAULT\n");
    for (i = 0; i < SIM_WORDS; i++) fprintf(to, "    %-6s        %s\n", sim_words[i].name, sim_words[i].help);
    fprintf(to,
        "Examples: a:dead@60-120,b:429=5@30-90    a:500@0-5/10 (it comes and goes)    ab:rpm=60    c:cut%%20\n\n"
        "Columns: answered, percent of the calls; USD, all that the providers charge (a reply that was cut, or came too late, too); /best, that over what the clairvoyant\n"
        "pays for the calls which the policy answered: it knows which provider would answer, takes the cheapest, and asks once; p50 and p99, milliseconds of the answered\n"
        "calls; att, attempts a call; wasted, attempts that were not answered; above, requests sent above a limit (rpm, tpm), which `full` has in its config too.\n");
}

#endif
