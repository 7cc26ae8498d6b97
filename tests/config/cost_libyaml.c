/* cost_libyaml FOLDER: the same files read and parsed by libyaml, event by event, and nothing done with what they say. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

static long parse(const char *path) {
    yaml_parser_t parser;
    yaml_event_t event;
    long events = 0;
    int done = 0;
    FILE *f = fopen(path, "rb");
    if (!f || !yaml_parser_initialize(&parser)) return -1;
    yaml_parser_set_input_file(&parser, f);
    while (!done) {
        if (!yaml_parser_parse(&parser, &event)) return -1;
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        events++;
    }
    yaml_parser_delete(&parser);
    fclose(f);
    return events;
}

int main(int argc, char **argv) {
    DIR *dir = opendir(argc > 1 ? argv[1] : ".");
    const struct dirent *entry;
    char path[4096];
    long events = 0, n;
    while (dir && (entry = readdir(dir)) != NULL) {
        if (!strstr(entry->d_name, ".yaml")) continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        n = parse(path);
        if (n < 0) return 1;
        events += n;
    }
    if (dir) closedir(dir);
    printf("events %ld\n", events);
    return 0;
}
