/* A WAV file: what is in it, where it is silent, and pieces of it that are WAV files again. Of the sound only one buffer is in memory at a time. */
#ifndef WAV_H
#define WAV_H
#include "../kit/kit.h"

enum { WAV_HEAD = 44, FRAMES_A_SECOND = 100, MAX_CHANNELS = 64, MAX_PIECE = 256 << 20 };

typedef struct wav {
    int fd;
    const char *path;
    int format, channels, bits;    /* format: 1 whole numbers, 3 floats */
    long rate, align;              /* samples a second; bytes of one, all channels */
    uint64_t data_at, samples;     /* where the sound begins; how many samples there are */
    float *loud;                   /* mean square of each hundredth of a second, 1: as loud as can be */
    size_t frames;
    uint64_t frame;                /* samples of one frame */
} wav;

typedef struct piece { uint64_t from, to; bool silent; } piece; /* samples */

static inline uint32_t le(const unsigned char *p, int bytes) {
    uint32_t v = 0;
    while (bytes) v = v << 8 | p[--bytes];
    return v;
}

/* Reads exactly so much; false at the end of the file. */
static inline bool read_at(int fd, void *out, size_t len, uint64_t at) {
    char *p = (char *)out;
    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return true;
}

/* The chunk `fmt `: NULL, or why it cannot be cut. */
static inline const char *wav_format(wav *w, const unsigned char *f, uint32_t len) {
    if (len < 16) return "its format is cut off";
    w->format = (int)le(f, 2);
    w->channels = (int)le(f + 2, 2);
    w->rate = (long)le(f + 4, 4);
    w->align = (long)le(f + 12, 2);
    w->bits = (int)le(f + 14, 2);
    if (w->format == 0xFFFE && len >= 40) w->format = (int)le(f + 24, 2); /* WAVE_FORMAT_EXTENSIBLE: the first bytes of its GUID */
    if (w->format != 1 && w->format != 3) return "its sound is compressed";
    if (w->channels < 1 || w->channels > MAX_CHANNELS || w->rate < 1000 || w->rate > 768000) return "its channels or its rate make no sense";
    if (w->format == 3 ? w->bits != 32 : w->bits != 8 && w->bits != 16 && w->bits != 24 && w->bits != 32) return "its samples are of an unusual size";
    return w->align == w->channels * (w->bits / 8) ? NULL : "its block size is not that of its samples";
}

/* 1: a WAV file that can be cut. 0: another type of file, or a WAV file of compressed sound: it is sent whole. Ends the program where it is broken. */
static inline int wav_open(wav *w, const char *path) {
    unsigned char head[12], format[40];
    uint64_t at = 12, size;
    bool known = false;
    struct stat st;
    memset(w, 0, sizeof *w);
    w->path = path;
    w->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (w->fd < 0 || fstat(w->fd, &st) != 0) die(EXIT_USAGE, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) die(EXIT_USAGE, "%s: is no file", path);
    size = (uint64_t)st.st_size;
    if (!size) die(EXIT_USAGE, "%s: is empty", path);
    if (!read_at(w->fd, head, 12, 0) || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) return 0;
    while (read_at(w->fd, head, 8, at)) {
        uint64_t len = le(head + 4, 4);
        at += 8;
        if (!memcmp(head, "fmt ", 4)) {
            uint32_t have = len < sizeof format ? (uint32_t)len : (uint32_t)sizeof format;
            const char *why = read_at(w->fd, format, have, at) ? wav_format(w, format, have) : "its format is cut off";
            if (why && !strcmp(why, "its sound is compressed")) return 0;
            if (why) die(EXIT_USAGE, "%s: %s", path, why);
            known = true;
        } else if (!memcmp(head, "data", 4)) {
            if (!known) die(EXIT_USAGE, "%s: the sound stands before its format", path);
            w->data_at = at;
            if (len > size - at) len = size - at; /* a length that a program wrote which did not know it yet */
            w->samples = len / (uint64_t)w->align;
            if (!w->samples) die(EXIT_USAGE, "%s: there is no sound in it", path);
            return 1;
        }
        at += len + (len & 1);
    }
    die(EXIT_USAGE, "%s: there is no sound in it: no chunk `data`", path);
}

static inline double wav_sample(const wav *w, const unsigned char *p) {
    float f;
    switch (w->bits) {
    case 8: return ((double)p[0] - 128) / 128;
    case 16: return (double)(int16_t)le(p, 2) / 32768;
    case 24: return (double)(int32_t)(le(p, 3) << 8) / 2147483648.0;
    default: break;
    }
    if (w->format == 1) return (double)(int32_t)le(p, 4) / 2147483648.0;
    {
        uint32_t bits = le(p, 4);
        memcpy(&f, &bits, sizeof f);
    }
    return f == f && f > -16 && f < 16 ? (double)f : 0; /* no number, or none of a sound */
}

/* Fills `loud`. */
static inline void wav_measure(wav *w) {
    unsigned char *buf;
    size_t i, k;
    w->frame = (uint64_t)w->rate / FRAMES_A_SECOND;
    w->frames = (size_t)((w->samples + w->frame - 1) / w->frame);
    w->loud = (float *)grow(NULL, w->frames, sizeof *w->loud);
    buf = (unsigned char *)grow(NULL, (size_t)w->frame * (size_t)w->align, 1);
    for (i = 0; i < w->frames; i++) {
        uint64_t from = (uint64_t)i * w->frame, n = w->samples - from < w->frame ? w->samples - from : w->frame;
        size_t values = (size_t)n * (size_t)w->channels, width = (size_t)w->bits / 8;
        double sum = 0;
        if (!read_at(w->fd, buf, (size_t)n * (size_t)w->align, w->data_at + from * (uint64_t)w->align)) die(EXIT_FAILED, "%s: could not be read to its end", w->path);
        for (k = 0; k < values; k++) {
            double v = wav_sample(w, buf + k * width);
            sum += v * v;
        }
        w->loud[i] = (float)(sum / (double)values);
    }
    free(buf);
}

/* Where to cut between the frames `least` and `most`: the middle of the silence nearest to `best`, or else the quietest frame (*silence false). */
static inline size_t wav_cut(const wav *w, size_t least, size_t best, size_t most, float threshold, size_t silence_frames, bool *silence) {
    size_t i, run = 0, at = best, far = SIZE_MAX, quietest = best;
    *silence = false;
    for (i = least; i < most; i++) {
        run = w->loud[i] < threshold ? run + 1 : 0;
        if (w->loud[i] < w->loud[quietest]) quietest = i;
        if (run >= silence_frames && (i + 1 == most || w->loud[i + 1] >= threshold)) {
            size_t middle = i + 1 - run / 2, distance = middle > best ? middle - best : best - middle;
            if (distance < far) {
                far = distance;
                at = middle;
                *silence = true;
            }
        }
    }
    return *silence ? at : quietest > least ? quietest : best;
}

/* Pieces of about `seconds`, cut at silences of silence_ms below `threshold` (mean square). Free the result. */
static inline piece *wav_pieces(const wav *w, double seconds, double silence_ms, float threshold, size_t *count) {
    size_t target = (size_t)(seconds * FRAMES_A_SECOND), need = (size_t)(silence_ms * FRAMES_A_SECOND / 1000), from = 0, to, i;
    piece *p = NULL;
    bool silence;
    *count = 0;
    while (from < w->frames) {
        to = w->frames;
        if (w->frames - from > target + target / 4) {
            to = wav_cut(w, from + target / 2, from + target, from + target + target / 4, threshold, need ? need : 1, &silence);
            if (!silence) note("no silence near %.1f s: cut where it is quietest", (double)to / FRAMES_A_SECOND);
        }
        p = (piece *)grow(p, *count + 1, sizeof *p);
        p[*count].from = (uint64_t)from * w->frame;
        p[*count].to = to == w->frames ? w->samples : (uint64_t)to * w->frame;
        p[*count].silent = true;
        for (i = from; i < to; i++)
            if (w->loud[i] >= threshold) p[*count].silent = false;
        ++*count;
        from = to;
    }
    return p;
}

static inline void put_le(unsigned char *p, uint32_t v, int bytes) {
    for (; bytes; bytes--, v >>= 8) *p++ = (unsigned char)v;
}

/* A piece as a WAV file in memory (free it). */
static inline unsigned char *wav_file(const wav *w, const piece *p, size_t *len) {
    uint64_t bytes = (p->to - p->from) * (uint64_t)w->align;
    unsigned char *f;
    if (bytes > MAX_PIECE) die(EXIT_USAGE, "%s: a piece would have %.0f MB, more than %d: make them shorter by --piece", w->path, (double)bytes / 1e6, MAX_PIECE / 1000000);
    *len = WAV_HEAD + (size_t)bytes;
    f = (unsigned char *)grow(NULL, *len, 1);
    memcpy(f, "RIFF\0\0\0\0WAVEfmt \x10\0\0\0", 20);
    put_le(f + 4, (uint32_t)(36 + bytes), 4);
    put_le(f + 20, (uint32_t)w->format, 2);
    put_le(f + 22, (uint32_t)w->channels, 2);
    put_le(f + 24, (uint32_t)w->rate, 4);
    put_le(f + 28, (uint32_t)(w->rate * w->align), 4);
    put_le(f + 32, (uint32_t)w->align, 2);
    put_le(f + 34, (uint32_t)w->bits, 2);
    memcpy(f + 36, "data", 4);
    put_le(f + 40, (uint32_t)bytes, 4);
    if (!read_at(w->fd, f + WAV_HEAD, (size_t)bytes, w->data_at + p->from * (uint64_t)w->align)) die(EXIT_FAILED, "%s: could not be read to its end", w->path);
    return f;
}
#endif
