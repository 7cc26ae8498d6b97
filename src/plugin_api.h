/* What a plugin is made of: a shared object that a config names, with dialects and providers in it. In the plugin

     #define LLMF_PLUGIN
     #include "llmfactory.h"
     static const llmf_dialect dialects[] = {{"acme", NULL, path, body, LLMF_FRAMING_JSON, LLMF_FRAMING_SSE, on_frame}};
     static const llmf_provider_desc providers[] = {{"acme", "acme", "https://api.acme.example", "ACME_KEY", "small-1", NULL}};
     const llmf_plugin llmf_plugin_entry = {LLMF_PLUGIN_HEAD, "acme", "1.0", dialects, 1, providers, 1, NULL, NULL};

   compiled with -shared -fPIC, and in the config of a program that is built with LLMF_WITH_PLUGINS=1

     plugins: {acme: {path: plugins/acme.so, sha256: "…64 hexadecimal digits…"}}

   A plugin needs nothing of the program's: what it calls, the library hands it in *llmf_host, and with LLMF_PLUGIN the names llmf_out_write, llmf_reply_text, llmf_json_get and so
   on stand for that; the rest of the API it has not. Each factory loads a copy of its own, with variables of its own, into the thread that opens or reloads it.

   llmf_host      lives as long as the plugin is loaded. It is there before `open` is called. Members are only added at its end.
   llmf_plugin    is read once, behind `open`, and must live as long as the plugin is loaded; so must all that it points to.
     HEAD         LLMF_PLUGIN_HEAD: the ABI and the sizes that the plugin was compiled with, and where the address of the host's functions is to be put. A plugin of another
                  ABI, or of a later llmfactory.h whose structs have more members than the program knows, is refused; an older one goes on working
     name         of the plugin, for messages: letters, digits, _ - and .
     version      for messages; NULL: none
     dialects     NULL: none. A dialect's name must not be one of the library's or of another plugin's; one that the program registers comes before a plugin's
     providers    NULL: none. Each is new to the library, and to the config's sources but for entries of `providers:`, which are laid over it
     open         called once before anything else of it. NULL, or it returns NULL: all is well. Else why it cannot be used. It may fill in what the arrays hold
     close        called once, after all calls have ended, before it is unloaded. NULL: nothing to do */
#if (defined(LLMF_PLUGIN) || defined(LLMFACTORY_IMPLEMENTATION) || (defined(LLMF_HAS_PLUGINS) && LLMF_HAS_PLUGINS)) && !defined(LLMFI_PLUGIN_API_H)
#define LLMFI_PLUGIN_API_H
#if defined(LLMF_PLUGIN) && defined(LLMFACTORY_IMPLEMENTATION)
#error "llmfactory: LLMF_PLUGIN is for the files of a plugin, whose functions are the program's: take LLMFACTORY_IMPLEMENTATION away"
#endif

#ifdef __cplusplus
extern "C" {
#endif
typedef struct llmf_host {
    uint32_t abi, size;            /* LLMF_ABI, bytes of this struct: of the program's library */
    void (*out_write)(llmf_out *out, const char *bytes, size_t len);
    void (*out_json_string)(llmf_out *out, llmf_str text);
    void (*reply_text)(llmf_reply *r, llmf_str text);
    void (*reply_reasoning)(llmf_reply *r, llmf_str text);
    void (*reply_tool)(llmf_reply *r, llmf_str id, llmf_str name, llmf_str arguments);
    void (*reply_finish)(llmf_reply *r, llmf_str word);
    void (*reply_usage)(llmf_reply *r, const llmf_usage *usage, size_t usage_size);
    void (*reply_error)(llmf_reply *r, int result, llmf_str provider_code, llmf_str message);
    void (*reply_done)(llmf_reply *r);
    bool (*json_each)(llmf_str json, size_t *at, llmf_str *key, llmf_str *value);
    bool (*json_get)(llmf_str json, const char *name, llmf_str *value);
    size_t (*json_string)(llmf_str value, char *out, size_t cap);
    bool (*json_number)(llmf_str value, double *out);
    bool (*json_valid)(llmf_str json, size_t *bad);
} llmf_host;
typedef struct llmf_plugin {
    uint32_t abi, size, host_size, request_size, info_size, dialect_size, provider_size, reserved;
    const llmf_host **host;
    const char *name, *version;
    const llmf_dialect *dialects;
    size_t dialect_count;
    const llmf_provider_desc *providers;
    size_t provider_count;
    const char *(*open)(void);
    void (*close)(void);
} llmf_plugin;
#ifdef LLMF_PLUGIN
/* The entry is what the library looks for; the pointer is each plugin's own, however many files it has. */
#ifdef _WIN32
__declspec(dllexport) extern const llmf_plugin llmf_plugin_entry;
__declspec(selectany) const llmf_host *llmf_plugin_host = 0;
#else
extern __attribute__((visibility("default"))) const llmf_plugin llmf_plugin_entry;
__attribute__((weak, visibility("hidden"))) const llmf_host *llmf_plugin_host;
#endif
#define LLMF_PLUGIN_HEAD                                                                                                                                   \
    LLMF_ABI, (uint32_t)sizeof(llmf_plugin), (uint32_t)sizeof(llmf_host), (uint32_t)sizeof(llmf_request), (uint32_t)sizeof(llmf_model_info),              \
        (uint32_t)sizeof(llmf_dialect), (uint32_t)sizeof(llmf_provider_desc), 0, &llmf_plugin_host
#define llmf_out_write(out, bytes, len) llmf_plugin_host->out_write((out), (bytes), (len))
#define llmf_out_json_string(out, text) llmf_plugin_host->out_json_string((out), (text))
#define llmf_reply_text(r, text) llmf_plugin_host->reply_text((r), (text))
#define llmf_reply_reasoning(r, text) llmf_plugin_host->reply_reasoning((r), (text))
#define llmf_reply_tool(r, id, name, arguments) llmf_plugin_host->reply_tool((r), (id), (name), (arguments))
#define llmf_reply_finish(r, word) llmf_plugin_host->reply_finish((r), (word))
#define llmf_reply_usage(r, usage) llmf_plugin_host->reply_usage((r), (usage), sizeof(llmf_usage))
#define llmf_reply_error(r, result, provider_code, message) llmf_plugin_host->reply_error((r), (result), (provider_code), (message))
#define llmf_reply_done(r) llmf_plugin_host->reply_done((r))
#define llmf_json_each(json, at, key, value) llmf_plugin_host->json_each((json), (at), (key), (value))
#define llmf_json_get(json, name, value) llmf_plugin_host->json_get((json), (name), (value))
#define llmf_json_string(value, out, cap) llmf_plugin_host->json_string((value), (out), (cap))
#define llmf_json_number(value, out) llmf_plugin_host->json_number((value), (out))
#define llmf_json_valid(json, bad) llmf_plugin_host->json_valid((json), (bad))
#endif
#ifdef __cplusplus
}
#endif
#endif
