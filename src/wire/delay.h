/* How long to wait, in the forms in which servers say it. */
#ifndef LLMFI_WIRE_DELAY_H
#define LLMFI_WIRE_DELAY_H
#include "../base/num.h"
#include "../base/text.h"

/* Seconds (unit 1000) or milliseconds (unit 1) of a header; *ms stays as it is where the value is none. A fraction counts in thousandths. */
LLMFI_UNUSED static void llmfi_parse_delay(llmf_str value, int64_t unit_ms, int64_t *ms) {
    int64_t whole = 0, part = 0, scale = 1000;
    size_t dot = llmfi_find_char(value, '.'), i;
    llmf_str before = llmfi_str(value.ptr, dot == LLMFI_NOWHERE ? value.len : dot);
    if (!llmfi_parse_int(before, &whole) || whole < 0 || whole > 1000000000) return;
    for (i = before.len + 1; i < value.len; i++) {
        if (!llmfi_is_digit(value.ptr[i])) return;
        if (scale > 1) part += (value.ptr[i] - '0') * (scale /= 10);
    }
    *ms = whole * unit_ms + (part * unit_ms + 500) / 1000;
}

#if LLMF_HAS_RETRY

/* Milliseconds since 1970 of a moment; 0 where there is no such day. Days from a date: years begin in March, so that a leap day is a year's last. */
static int64_t llmfi_moment_of(int64_t year, int64_t month, int64_t day, int64_t second) {
    int64_t y = month > 2 ? year : year - 1, era = y / 400, of_era = y % 400, of_year;
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) return 0;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return ((era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468) * 86400 + second) * 1000;
}

/* The next run of digits in *s, at most 9 of them, and what stands before it is passed over; -1: none. */
static int64_t llmfi_next_number(llmf_str *s) {
    size_t i = 0, from;
    int64_t n = -1;
    while (i < s->len && !llmfi_is_digit(s->ptr[i])) i++;
    for (from = i; i < s->len && i - from < 9 && llmfi_is_digit(s->ptr[i]); i++) n = (n < 0 ? 0 : n) * 10 + (s->ptr[i] - '0');
    *s = llmfi_from(*s, i);
    return n;
}

/* 1 to 12 of the month whose English name stands in the text; 0: none. */
static int64_t llmfi_month_in(llmf_str s) {
    static const char names[] = "jan\0feb\0mar\0apr\0may\0jun\0jul\0aug\0sep\0oct\0nov\0dec\0";
    int64_t i;
    for (i = 0; i < 12; i++)
        if (llmfi_find_nocase(s, llmfi_str(names + 4 * i, 3)) != LLMFI_NOWHERE) return i + 1;
    return 0;
}

/* Milliseconds since 1970 of an HTTP date in its three forms ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"), or of one
   of RFC 3339 ("1994-11-06T08:49:37Z", whose fraction and zone are passed over: providers send UTC); 0: it is none. */
LLMFI_UNUSED static int64_t llmfi_parse_date(llmf_str value) {
    int64_t month = llmfi_month_in(value), n[6];
    bool c_style;
    size_t i, digits;
    llmf_str rest = value;
    for (i = 0; i < 6 - (month != 0); i++)
        if ((n[i] = llmfi_next_number(&rest)) < 0) return 0;
    if (!month) { /* year month day hour minute second */
        for (digits = 0; digits < value.len && llmfi_is_digit(value.ptr[digits]); digits++) continue;
        return digits == 4 && n[3] < 24 && n[4] < 60 && n[5] < 61 ? llmfi_moment_of(n[0], n[1], n[2], n[3] * 3600 + n[4] * 60 + n[5]) : 0;
    }
    c_style = n[4] > 60; /* day hour minute second year; else day year hour minute second */
    if (c_style ? n[1] > 23 || n[2] > 59 || n[3] > 60 : n[2] > 23 || n[3] > 59 || n[4] > 60) return 0;
    if (c_style) return llmfi_moment_of(n[4], month, n[0], n[1] * 3600 + n[2] * 60 + n[3]);
    if (n[1] < 100) n[1] += n[1] < 70 ? 2000 : 1900;
    return llmfi_moment_of(n[1], month, n[0], n[2] * 3600 + n[3] * 60 + n[4]);
}

/* "6m0s", "1h2m", "12ms", "1.5s": *ms stays as it is where the value is none. */
static bool llmfi_parse_span(llmf_str value, int64_t *ms) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"d", 86400000}};
    int64_t sum = 0, part;
    size_t i, n;
    while (value.len) {
        for (n = 0; n < value.len && (llmfi_is_digit(value.ptr[n]) || value.ptr[n] == '.'); n++) continue;
        for (i = 0; i < LLMFI_COUNT(units) && !llmfi_starts(llmfi_from(value, n), llmfi_cstr(units[i].unit)); i++) continue;
        part = -1;
        if (n && i < LLMFI_COUNT(units)) llmfi_parse_delay(llmfi_str(value.ptr, n), units[i].ms, &part);
        if (part < 0 || part > INT64_MAX / 2 - sum) return false;
        sum += part;
        value = llmfi_from(value, n + llmfi_strlen(units[i].unit));
    }
    *ms = sum;
    return true;
}

/* A moment, or the time until it, in any of those forms; a bare number is seconds, from a billion on seconds since 1970. now: milliseconds since 1970.
   *ms stays as it is where the value is none of them. What is over is 0. */
LLMFI_UNUSED static void llmfi_parse_until(llmf_str value, int64_t now, int64_t *ms) {
    int64_t seconds, at;
    value = llmfi_trim(value);
    if (!value.len) return;
    if (llmfi_parse_int(value, &seconds) && seconds >= 1000000000 && seconds < INT64_C(100000000000)) at = seconds * 1000;
    else at = llmfi_parse_date(value);
    if (at) *ms = at > now ? at - now : 0;
    else if (llmfi_is_digit(value.ptr[value.len - 1])) llmfi_parse_delay(value, 1000, ms);
    else llmfi_parse_span(value, ms);
}

#endif
#endif
