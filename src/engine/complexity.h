/* How hard a prompt looks, from 0 to 1, by a few things that can be counted. No more than a guess: tests/engine/route.c says how often it is right. */
#ifndef LLMFI_ENGINE_COMPLEXITY_H
#define LLMFI_ENGINE_COMPLEXITY_H
#include "../base/utf8.h"
#include "core.h"

#if LLMF_HAS_ROUTES

/* Bytes from the front that are looked at; the length counts whole. */
enum { LLMFI_COMPLEXITY_BYTES = 4096 };

/* How tasks with many steps are asked for: stems of words in English, German, French, Spanish, Italian, Portuguese, Dutch,
   Polish, Russian, Chinese and Japanese. */
static const char llmfi_hard_words[] =
    "prove \0proof\0derive\0derivation\0optimi\0algorithm\0complexity\0design a\0architect\0implement\0refactor\0debug\0analy\0compar\0trade-off\0tradeoff\0evaluate\0"
    "critique\0strateg\0step by step\0step-by-step\0justif\0edge case\0migrat\0simulat\0diagnos\0root cause\0concurren\0race condition\0"
    "beweis\0begr\xc3\xbcnd\0vergleich\0entwirf\0entwickle\0algorithmus\0schritt f\xc3\xbcr schritt\0fehlerbehandlung\0leite her\0herleit\0erarbeite\0"
    "d\xc3\xa9montr\0con\xc3\xa7o\0\xc3\xa9tape par \xc3\xa9tape\0d\xc3\xa9velopp\0\xc3\xa9labor\0demuestr\0dise\xc3\xb1\0paso a paso\0"
    "desarroll\0elabora\0dimostr\0progett\0confront\0passo dopo passo\0demonstr\0projet\0ontwerp\0zaprojekt\0prouve\0passo a passo\0implementa\0"
    "\xd0\xb4\xd0\xbe\xd0\xba\xd0\xb0\xd0\xb6\0\xd1\x81\xd1\x80\xd0\xb0\xd0\xb2\xd0\xbd\0\xd1\x81\xd0\xbf\xd1\x80\xd0\xbe\xd0\xb5\xd0\xba\xd1\x82\xd0\xb8\xd1\x80\0"
    "\xd0\xbf\xd1\x80\xd0\xbe\xd0\xb0\xd0\xbd\xd0\xb0\xd0\xbb\xd0\xb8\xd0\xb7\0\xd0\xbe\xd0\xb1\xd0\xbe\xd1\x81\xd0\xbd\xd1\x83\0\xd0\xb0\xd0\xbb\xd0\xb3\xd0\xbe\xd1\x80\xd0\xb8\xd1\x82\xd0\xbc\0"
    "\xe8\xaf\x81\xe6\x98\x8e\0\xe8\xae\xbe\xe8\xae\xa1\0\xe6\xaf\x94\xe8\xbe\x83\0\xe5\x88\x86\xe6\x9e\x90\0\xe7\xae\x97\xe6\xb3\x95\0\xe5\xae\x9e\xe7\x8e\xb0\0"
    "\xe8\xa8\xbc\xe6\x98\x8e\0\xe8\xa8\xad\xe8\xa8\x88\0\xe6\xaf\x94\xe8\xbc\x83\0\xe5\xae\x9f\xe8\xa3\x85\0\xe3\x82\xa2\xe3\x83\xab\xe3\x82\xb4\xe3\x83\xaa\xe3\x82\xba\xe3\x83\xa0\0";
/* What is only to be said otherwise. */
static const char llmfi_easy_words[] =
    "translate\0summari\0reword\0rewrite politely\0spelling\0correct the\0alphabetical\0\xc3\xbc" "bersetz\0\xc3\x9c" "bersetz\0fasse \0korrigiere\0zusammenfass\0rechtschreib\0tradui\0r\xc3\xa9sum\0corrig\0"
    "traduc\0resum\0riassum\0traduz\0\xd0\xbf\xd0\xb5\xd1\x80\xd0\xb5\xd0\xb2\xd0\xb5\xd0\xb4\xd0\xb8\0\xe7\xbf\xbb\xe8\xaf\x91\0\xe7\xbf\xbb\xe8\xa8\xb3\0\xe6\x94\xb9\xe5\xbe\x97\0\xe8\xa6\x81\xe7\xba\xa6\0";
/* Signs of code and of formulas. */
static const char llmfi_hard_signs[] = "```\0();\0{\n\0==\0!=\0=>\0O(n\0\xe2\x88\x91\0\xe2\x88\xab\0\xe2\x88\x9a\0\\frac\0SELECT \0";

/* How many of the words stand in it, at most `most`. */
static int llmfi_words_found(llmf_str text, const char *words, int most) {
    int n = 0;
    for (; *words && n < most; words += llmfi_strlen(words) + 1)
        if (llmfi_find_nocase(text, llmfi_cstr(words)) != LLMFI_NOWHERE) n++;
    return n;
}

/* Ends of sentences and clauses: . ? ! ; : and their like, commas, lines. */
static int llmfi_clauses(llmf_str text) {
    static const char *const wide[] = {"\xe3\x80\x82", "\xef\xbc\x8c", "\xe3\x80\x81", "\xef\xbc\x9b", "\xef\xbc\x9f"};
    int n = 0;
    size_t i, k;
    for (i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\n' || ((c == '.' || c == '?' || c == '!' || c == ';' || c == ',' || c == ':') && (i + 1 == text.len || llmfi_is_space(text.ptr[i + 1])))) n++;
        for (k = 0; (unsigned char)c >= 0xE3 && k < LLMFI_COUNT(wide); k++)
            if (llmfi_starts(llmfi_from(text, i), llmfi_cstr(wide[k]))) n++;
    }
    return n;
}

/* In millionths: 400,000 for each of its words of work (two at most), 250,000 for code or formulas, up to 480,000 for its length (of 240 bytes), 20,000 for each
   clause beyond two (ten at most); half of it where the text is to be said otherwise: translated, summed up, corrected. */
static double llmfi_complexity(llmf_str text) {
    llmf_str front = llmfi_str(text.ptr, text.len < LLMFI_COMPLEXITY_BYTES ? text.len : (size_t)LLMFI_COMPLEXITY_BYTES);
    int clauses = llmfi_clauses(front) - 2, ppm = 400000 * llmfi_words_found(front, llmfi_hard_words, 2);
    if (llmfi_words_found(front, llmfi_hard_signs, 1)) ppm += 250000;
    ppm += text.len < 240 ? (int)text.len * 2000 : 480000;
    ppm += clauses <= 0 ? 0 : clauses < 10 ? clauses * 20000 : 200000;
    if (llmfi_words_found(front, llmfi_easy_words, 1)) ppm /= 2;
    return ppm < 1000000 ? (double)ppm / 1e6 : 1;
}

#endif
#endif
