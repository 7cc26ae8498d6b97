/* Rows that models make up:  synth [options] SCHEMA MODEL...   (--help lists them; synth.yaml and tickets.json are there to begin with)
   Several models at once are asked for rows of a JSON Schema. Each row is checked, taken once (exactly and nearly the same ones are dropped), and taken only as long
   as the value that it has of the field to balance is still wanted. Every answer stands in a journal; the same answers always give the same rows. */
#include "rows.h"

enum { MAX_MODELS = 16, MAX_ROUND = 4096, EXAMPLES = 3 };

typedef struct maker {
    const char *name;
    llmf_model model;
    text setting;
    size_t asked, answered, failed, serial[MAX_VALUES], rows, broken, wrong, same, near, surplus, kept;
    spent cost;
} maker;

typedef struct batch { hash key; size_t maker; text prompt; bool here; } batch;
typedef struct value { llmf_str json; size_t want, have; } value; /* of the field to balance; one without a name where there is none */

typedef struct synth {
    llmf_factory *f;
    journal log;
    schema schema;
    text format;
    const char *subject;
    maker makers[MAX_MODELS];
    size_t maker_count, next_maker;
    value values[MAX_VALUES];
    size_t value_count, balanced;  /* balanced: index of the field; schema.count: none */
    double rows, each, near, temperature;
    table table;
    batch *batches;
    size_t batch_count;
    spent now, before;
    size_t failed;
} synth;

static const char synopsis[] = "synth [options] SCHEMA MODEL...";
static const char about[] = "SCHEMA: a JSON Schema of one row, an object. MODEL: names of the config, 16 at most. Writes rows.jsonl (or -o), and a report of each model's yield and cost.\n"
                            "OUTPUT.journal keeps each answer: run it again after a kill, and nothing is asked twice.\n"
                            "Exit status: 0 done, 1 something failed or rows are missing, 2 wrong arguments, config or schema.\n";

/* ---- asking ---- */

static const char system_text[] = "You make up data. Rows are as different from each other as real ones would be: in subject, length, tone and detail. No row is a copy of another one with a word changed.";

static void put_prompt(const synth *s, text *t, size_t v, size_t serial) {
    size_t i, shown = 0;
    putf(t, "Make up %.0f rows", s->each);
    if (s->subject) {
        puts_to(t, " about: ");
        puts_to(t, s->subject);
    }
    puts_to(t, "\nEach is an object of this schema:\n");
    puts_to(t, s->schema.source.ptr);
    if (s->balanced < s->schema.count) {
        puts_to(t, "\nIn all of them \"");
        put(t, s->schema.fields[s->balanced].key.ptr, s->schema.fields[s->balanced].key.len);
        puts_to(t, "\" is ");
        put(t, s->values[v].json.ptr, s->values[v].json.len);
        puts_to(t, ".");
    }
    putf(t, "\nThis is part %lu of many; the rows of the other parts are different.", (unsigned long)serial);
    for (i = s->table.count; i > 0 && shown < EXAMPLES; i--, shown++) {
        puts_to(t, shown ? "\n" : "\nThese are there already:\n");
        puts_to(t, s->table.rows[i - 1].json);
    }
}

/* One more request for that value, of the next model in turn. */
static void plan_batch(synth *s, size_t v) {
    maker *m = &s->makers[s->next_maker];
    batch *b;
    sha256 h;
    char number[32];
    s->batches = (batch *)grow(s->batches, s->batch_count + 1, sizeof *s->batches);
    b = &s->batches[s->batch_count++];
    memset(b, 0, sizeof *b);
    b->maker = s->next_maker;
    s->next_maker = (s->next_maker + 1) % s->maker_count;
    put_prompt(s, &b->prompt, v, ++m->serial[v]);
    snprintf(number, sizeof number, "%g", s->temperature);
    sha256_start(&h);
    sha256_word(&h, "synth: rows 1");
    sha256_word(&h, m->setting.ptr);
    sha256_word(&h, system_text);
    sha256_word(&h, s->format.ptr);
    sha256_word(&h, number);
    sha256_word(&h, b->prompt.ptr);
    b->key = sha256_end(&h);
}

static llmf_call start_batch(void *user, size_t i) {
    synth *s = (synth *)user;
    batch *b = &s->batches[i];
    maker *m = &s->makers[b->maker];
    llmf_request req = {0};
    llmf_call none = {0};
    llmf_str line;
    m->asked++;
    if (journal_find(&s->log, &b->key, &line)) {
        spend(&s->before, (int64_t)json_number(line, "cost_pico", -1));
        spend(&m->cost, (int64_t)json_number(line, "cost_pico", -1));
        b->here = true;
        return none;
    }
    req.system = system_text;
    req.prompt = b->prompt.ptr;
    req.prompt_len = b->prompt.len;
    req.format = s->format.ptr;
    req.temperature = s->temperature < 0 ? 0 : s->temperature > 0 ? s->temperature : LLMF_ZERO;
    return start_call(s->f, m->model, &req);
}

/* What came is kept whatever it is: it is paid for, and would not be better if it were asked for again. */
static bool batch_done(void *user, size_t i, const llmf_response *r) {
    synth *s = (synth *)user;
    batch *b = &s->batches[i];
    maker *m = &s->makers[b->maker];
    text members = {0};
    if (r->error.code != LLMF_OK) {
        note("%s: %s", m->name, r->error.text);
        m->failed++;
        s->failed++;
        return m->answered || m->failed < 3;
    }
    puts_to(&members, ",\"model\":");
    put_json(&members, m->name, strlen(m->name));
    puts_to(&members, ",\"answer\":");
    put_json(&members, r->text.ptr, r->text.len);
    putf(&members, ",\"cost_pico\":%lld", (long long)r->cost_pico);
    journal_add(&s->log, &b->key, &members);
    spend(&s->now, r->cost_pico);
    spend(&m->cost, r->cost_pico);
    m->answered++;
    b->here = true;
    note("%s: answer %lu of %lu of this round", m->name, (unsigned long)i + 1, (unsigned long)s->batch_count);
    return true;
}

/* ---- taking ---- */

/* The index of the value that a row has of the balanced field. */
static size_t value_of(const synth *s, llmf_str one) {
    llmf_str v, key;
    size_t at = 0, i;
    const field *f = &s->schema.fields[s->balanced];
    if (s->balanced == s->schema.count) return 0;
    while (llmf_json_each(one, &at, &key, &v))
        if (key.len == f->key.len && !memcmp(key.ptr, f->key.ptr, key.len))
            for (i = 0; i < s->value_count; i++)
                if (same_value(s->values[i].json, v)) return i;
    return s->value_count;
}

static void take_row(synth *s, maker *m, llmf_str one) {
    llmf_error why;
    text form = {0};
    row r;
    sha256 h;
    int there;
    size_t v;
    m->rows++;
    if (!row_ok(s->f, &s->schema, one, &why) || (v = value_of(s, one)) == s->value_count) {
        m->wrong++;
        return;
    }
    put_row(&form, &s->schema, one);
    memset(&r, 0, sizeof r);
    r.json = form.ptr;
    sha256_start(&h);
    sha256_word(&h, form.ptr);
    r.hash = sha256_end(&h);
    take_mins(&r);
    there = find_row(&s->table, &r, s->near);
    if (there == ROW_SAME) m->same++;
    else if (there == ROW_NEAR) m->near++;
    else if (s->values[v].have >= s->values[v].want) m->surplus++;
    else {
        s->values[v].have++;
        m->kept++;
        add_row(&s->table, &r);
        return;
    }
    free(form.ptr);
}

static void take_batch(synth *s, const batch *b) {
    maker *m = &s->makers[b->maker];
    llmf_str line, rows, one;
    size_t at = 0;
    char *answer = b->here && journal_find(&s->log, &b->key, &line) ? json_text(line, "answer") : NULL;
    if (!b->here) return;
    if (!answer || !llmf_json_valid(str_of(answer), NULL) || !llmf_json_get(str_of(answer), "rows", &rows)) m->broken++;
    else
        while (llmf_json_each(rows, &at, NULL, &one)) take_row(s, m, one);
    free(answer);
}

/* Asks for what is missing, and takes what came in the order in which it was asked: so a run after a kill sees the same. False: nothing new came, or something failed. */
static bool do_round(synth *s, int at_once) {
    size_t v, n, i, before = s->table.count;
    work w = {0};
    for (v = 0; v < s->value_count; v++)
        for (n = 0; n * (size_t)s->each < s->values[v].want - s->values[v].have && s->batch_count < MAX_ROUND; n++) plan_batch(s, v);
    if (!s->batch_count) return false;
    w.f = s->f;
    w.user = s;
    w.count = s->batch_count;
    w.at_once = at_once;
    w.start = start_batch;
    w.done = batch_done;
    do_work(&w);
    for (i = 0; i < s->batch_count; i++) {
        take_batch(s, &s->batches[i]);
        free(s->batches[i].prompt.ptr);
    }
    s->batch_count = 0;
    note("%lu of %.0f rows", (unsigned long)s->table.count, s->rows);
    return !s->failed && s->table.count > before;
}

/* ---- writing ---- */

/* RFC 4180: in quotes where it has to be. */
static void put_cell(text *t, const char *s, size_t len) {
    size_t i;
    bool quotes = false;
    for (i = 0; i < len; i++)
        if (strchr(",\"\r\n", s[i]) || s[i] == '\0') quotes = true;
    if (quotes) put(t, "\"", 1);
    for (i = 0; i < len; i++) put(t, s[i] == '"' ? "\"\"" : s + i, s[i] == '"' ? 2 : 1);
    if (quotes) put(t, "\"", 1);
}

static void put_csv(text *t, const synth *s) {
    size_t i, k;
    for (k = 0; k < s->schema.count; k++) {
        text quoted = {0}, name = {0};
        put(&quoted, "\"", 1);
        put(&quoted, s->schema.fields[k].key.ptr, s->schema.fields[k].key.len);
        put(&quoted, "\"", 1);
        put_value(&name, str_of(quoted.ptr));
        if (k) put(t, ",", 1);
        put_cell(t, name.ptr, name.len);
        free(quoted.ptr);
        free(name.ptr);
    }
    puts_to(t, "\r\n");
    for (i = 0; i < s->table.count; i++) {
        llmf_str key, v, json = str_of(s->table.rows[i].json);
        for (k = 0; k < s->schema.count; k++) {
            size_t at = 0;
            text cell = {0};
            while (llmf_json_each(json, &at, &key, &v))
                if (key.len == s->schema.fields[k].key.len && !memcmp(key.ptr, s->schema.fields[k].key.ptr, key.len)) put_value(&cell, v);
            if (k) put(t, ",", 1);
            if (cell.len) put_cell(t, cell.ptr, cell.len);
            free(cell.ptr);
        }
        puts_to(t, "\r\n");
    }
}

static void put_jsonl(text *t, const synth *s) {
    size_t i;
    for (i = 0; i < s->table.count; i++) {
        puts_to(t, s->table.rows[i].json);
        puts_to(t, "\n");
    }
}

static void tell_yield(const synth *s) {
    size_t i;
    text t = {0};
    puts_to(&t, "| model | requests | rows | no JSON | not of the schema | the same | nearly the same | more than wanted | kept | yield | cost | a kept row |\n"
                "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (i = 0; i < s->maker_count; i++) {
        const maker *m = &s->makers[i];
        puts_to(&t, "| ");
        put_line(&t, m->name, strlen(m->name), true);
        putf(&t, " | %lu | %lu | %lu | %lu | ", (unsigned long)m->asked, (unsigned long)m->rows, (unsigned long)m->broken, (unsigned long)m->wrong);
        putf(&t, "%lu | %lu | %lu | %lu | ", (unsigned long)m->same, (unsigned long)m->near, (unsigned long)m->surplus, (unsigned long)m->kept);
        if (m->rows) putf(&t, "%.0f %% | ", (double)m->kept * 100 / (double)m->rows);
        else puts_to(&t, "- | ");
        put_spent(&t, &m->cost);
        if (m->kept && !m->cost.unknown) putf(&t, " | $%.6f |\n", (double)m->cost.pico / 1e12 / (double)m->kept);
        else puts_to(&t, " | - |\n");
    }
    printf("%s", t.ptr);
    free(t.ptr);
    if (s->balanced == s->schema.count) return;
    for (i = 0; i < s->value_count; i++) {
        const value *v = &s->values[i];
        printf("%s%.*s: %lu of %lu", i ? ", " : "\n", (int)v->json.len, v->json.ptr, (unsigned long)v->have, (unsigned long)v->want);
    }
    puts("");
}

/* ---- the program ---- */

static void find_values(synth *s, const char *balance, const char *path) {
    size_t i, at = 0, rows = (size_t)s->rows;
    s->balanced = s->schema.count;
    s->value_count = 1;
    if (balance) {
        for (i = 0; i < s->schema.count && !is(s->schema.fields[i].key, balance); i++) continue;
        if (i == s->schema.count) die(EXIT_USAGE, "%s: has no property %s to balance", path, balance);
        s->balanced = i;
        for (s->value_count = 0; llmf_json_each(s->schema.fields[i].values, &at, NULL, &s->values[s->value_count].json);)
            if (++s->value_count == MAX_VALUES) die(EXIT_USAGE, "%s: %s has %d values or more, too many to balance", path, balance, MAX_VALUES);
        if (!s->value_count) die(EXIT_USAGE, "%s: %s has no enum, so there is nothing to balance", path, balance);
    }
    for (i = 0; i < s->value_count; i++) s->values[i].want = rows / s->value_count + (i < rows % s->value_count);
}

static void find_makers(synth *s, char **names, int count) {
    llmf_request req = {0};
    int i, k;
    if (count > MAX_MODELS) die(EXIT_USAGE, "%d models, at most %d are asked", count, MAX_MODELS);
    for (i = 0; i < count; i++) {
        maker *m = &s->makers[s->maker_count++];
        m->name = names[i];
        m->model = find_model(s->f, names[i], &req, &m->setting);
        for (k = 0; k < i; k++)
            if (!strcmp(s->makers[k].setting.ptr, m->setting.ptr)) die(EXIT_USAGE, "%s and %s are the same model", s->makers[k].name, m->name);
    }
}

int main(int argc, char **argv) {
    static synth s;
    const char *config = "synth.yaml", *to = "rows.jsonl", *journal_path = NULL, *balance = NULL, *form = NULL;
    double budget = 0, at_once = 4, rounds = 8, round;
    text log_path = {0}, out = {0};
    llmf_str nothing = {NULL, 0};
    llmf_error err;
    size_t missing, i;
    const option options[] = {{"-c", "FILE", "the config (synth.yaml)", &config, NULL, 0, 0, NULL},
                              {"-o", "FILE", "the rows (rows.jsonl)", &to, NULL, 0, 0, NULL},
                              {"--format", "csv|jsonl", "of the rows (by the name of the file, else jsonl)", &form, NULL, 0, 0, NULL},
                              {"--journal", "FILE", "what is done (OUTPUT.journal)", &journal_path, NULL, 0, 0, NULL},
                              {"--rows", "N", "rows that are wanted (100)", NULL, &s.rows, 1, MAX_ROWS, NULL},
                              {"--each", "N", "rows of one request (10)", NULL, &s.each, 1, 200, NULL},
                              {"--about", "TEXT", "what the rows are about", &s.subject, NULL, 0, 0, NULL},
                              {"--balance", "FIELD", "a field with an enum: as many rows of each value", &balance, NULL, 0, 0, NULL},
                              {"--near", "SHARE", "rows that share so much are the same (0.8); 1: exact ones only", NULL, &s.near, 0.5, 1, NULL},
                              {"--temperature", "T", "of the models (theirs)", NULL, &s.temperature, 0, 2, NULL},
                              {"--rounds", "N", "how often what is missing is asked for (8)", NULL, &rounds, 1, 100, NULL},
                              {"--at-once", "N", "calls under way (4)", NULL, &at_once, 1, MAX_AT_ONCE, NULL},
                              {"--budget", "USD", "most that this run may cost (no limit)", NULL, &budget, 0, 1e6, NULL},
                              {0}};
    program = "synth";
    s.rows = 100;
    s.each = 10;
    s.near = 0.8;
    s.temperature = -1;
    argc = read_options(argc, argv, options, synopsis, about);
    if (argc < 2) die(EXIT_USAGE, "a schema and a model at least are wanted: %s", synopsis);
    if (!form) form = strlen(to) > 4 && !strcmp(to + strlen(to) - 4, ".csv") ? "csv" : "jsonl";
    if (strcmp(form, "csv") && strcmp(form, "jsonl")) die(EXIT_USAGE, "--format %s: csv or jsonl is wanted", form);
    if (s.near >= 1) s.near = 2;
    read_schema(&s.schema, argv[0]);
    find_values(&s, balance, argv[0]);
    puts_to(&s.format, "{\"type\":\"object\",\"properties\":{\"rows\":{\"type\":\"array\",\"items\":");
    puts_to(&s.format, s.schema.source.ptr);
    puts_to(&s.format, "}},\"required\":[\"rows\"],\"additionalProperties\":false}");
    s.f = open_factory(config, budget, (int)at_once);
    if (llmf_json_check(s.f, s.schema.source.ptr, nothing, &err) != LLMF_OK) die(EXIT_USAGE, "%s: %s", argv[0], err.text);
    find_makers(&s, argv + 1, argc - 1);
    putf(&log_path, "%s.journal", to);
    journal_open(&s.log, journal_path ? journal_path : log_path.ptr, false);
    for (round = 0; round < rounds && do_round(&s, (int)at_once); round++) continue;
    if (!strcmp(form, "csv")) put_csv(&out, &s);
    else put_jsonl(&out, &s);
    replace_file(to, out.ptr ? out.ptr : "", out.len);
    tell_yield(&s);
    missing = (size_t)s.rows - s.table.count;
    if (s.failed) note("%lu calls failed: run it again for them", (unsigned long)s.failed);
    else if (missing) note("%lu rows are missing: %s", (unsigned long)missing, round < rounds ? "the last round brought nothing new" : "raise --rounds, or lower --near");
    tell_spent(&s.now, &s.before);
    llmf_close(s.f);
    journal_close(&s.log);
    for (i = 0; i < s.maker_count; i++) free(s.makers[i].setting.ptr);
    free_table(&s.table);
    free(s.batches);
    free(s.schema.source.ptr);
    free(s.format.ptr);
    free(log_path.ptr);
    free(out.ptr);
    return missing ? EXIT_FAILED : EXIT_DONE;
}
