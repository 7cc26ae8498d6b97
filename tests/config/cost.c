/* cost FOLDER: what a factory needs that is opened with the config files of a folder. For tests/config/cost.sh. */
#define LLMFACTORY_IMPLEMENTATION
#define LLMF_NO_CURL 1
#include "../../llmfactory.h"
#include <stdio.h>

int main(int argc, char **argv) {
    llmf_desc d;
    llmf_error err;
    llmf_model_info info;
    llmf_memory_info m;
    llmf_factory *f;
    size_t before, count = 0;
    memset(&d, 0, sizeof d);
    d.memory_size = (size_t)16 << 20;
    d.no_env = true;
    f = llmf_open(&d, &err);
    llmf_memory(f, &m);
    before = m.used;
    llmf_close(f);
    d.config = argc > 1 ? argv[1] : "";
    f = llmf_open(&d, &err);
    if (!f) return puts(err.text), 1;
    llmf_memory(f, &m);
    if (argc > 2) /* the walk along all models is not what is measured */
        while (llmf_model_at(f, count, &info) && info.configured) count++;
    printf("models %zu, high water %zu bytes, held %zu bytes, %zu a model\n", count, m.high_water, m.used, count ? (m.used - before) / count : 0);
    llmf_close(f);
    return 0;
}
