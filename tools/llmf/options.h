/* The options that every command takes, and the factory that they describe. */
#ifndef LLMF_TOOL_OPTIONS_H
#define LLMF_TOOL_OPTIONS_H
#include "text.h"

enum { MAX_CONFIGS = 64 };

typedef struct options {
    llmf_desc desc;
    const char *configs[MAX_CONFIGS];
    bool env_file_given;
} options;

static void log_line(void *user, int level, int id, llmf_str line) {
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    (void)user;
    (void)id;
    fprintf(stderr, "llmf: %s: %.*s\n", names[level], (int)line.len, line.ptr);
}

static int log_level(const char *name) {
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    int i;
    for (i = 1; i < 5; i++)
        if (strcmp(names[i], name) == 0) return i;
    die("--log takes error, warning, info or debug, not", name);
    return 0;
}

static const char *option_value(int argc, char **argv, int *i) {
    if (*i + 1 >= argc) die("this option needs a value", argv[*i]);
    return argv[++*i];
}

/* Takes argv[*i] if it is a global option. */
static bool take_option(options *o, int argc, char **argv, int *i) {
    const char *a = argv[*i];
    if (strcmp(a, "--config") == 0) {
        if (o->desc.config_count == MAX_CONFIGS) die("too many --config", NULL);
        o->configs[o->desc.config_count++] = option_value(argc, argv, i);
    } else if (strcmp(a, "--env-file") == 0) {
        o->desc.env_file = option_value(argc, argv, i);
        o->env_file_given = true;
    } else if (strcmp(a, "--base-url") == 0) {
        o->desc.base_url = option_value(argc, argv, i);
    } else if (strcmp(a, "--api-key-env") == 0) {
        o->desc.api_key_env = option_value(argc, argv, i);
    } else if (strcmp(a, "--timeout") == 0) {
        char *end;
        const char *ms = option_value(argc, argv, i);
        o->desc.timeouts.total_ms = strtol(ms, &end, 10);
        if (*end || o->desc.timeouts.total_ms <= 0) die("--timeout takes milliseconds, not", ms);
    } else if (strcmp(a, "--log") == 0) {
        o->desc.log_level = log_level(option_value(argc, argv, i));
    } else {
        return false;
    }
    return true;
}

/* .env is read where it exists; a file that was named must exist. */
static void finish_options(options *o) {
    FILE *f;
    o->desc.configs = o->configs;
    o->desc.log = log_line;
    if (o->env_file_given) return;
    f = fopen(".env", "rb");
    if (!f) return;
    fclose(f);
    o->desc.env_file = ".env";
}

#endif
