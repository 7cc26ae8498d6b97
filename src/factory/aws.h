/* Where the keys come from that requests to AWS are signed with ("AWS SDKs and Tools reference guide", credential providers): what the config gives, then the
   environment. */
#ifndef LLMFI_FACTORY_AWS_H
#define LLMFI_FACTORY_AWS_H
#include "../wire/sigv4.h"
#include "env.h"
#include "record.h"

/* A pair is whole with an id and a secret; the token of another pair would not fit it. */
static bool llmfi_aws_pair(llmfi_aws_keys *keys, llmf_str id, llmf_str secret, llmf_str token) {
    if (!id.len || !secret.len) return false;
    keys->id = id;
    keys->secret = secret;
    keys->token = token;
    return true;
}

/* The keys that need no asking: of the model's entry, of its provider's, of the environment. False: there are none. Texts live as long as the config and the
   environment stay as they are. */
LLMFI_UNUSED static bool llmfi_aws_given(const llmfi_record *r, const llmfi_env *env, llmfi_aws_keys *keys) {
    const llmfi_aws_entry *m = &r->aws, *p = &r->provider->aws;
    if (llmfi_aws_pair(keys, m->id, m->secret, m->token) || llmfi_aws_pair(keys, p->id, p->secret, p->token)) return true;
    return llmfi_aws_pair(keys, llmfi_env_filled(env, LLMFI_LIT("AWS_ACCESS_KEY_ID")), llmfi_env_filled(env, LLMFI_LIT("AWS_SECRET_ACCESS_KEY")),
                          llmfi_env_filled(env, LLMFI_LIT("AWS_SESSION_TOKEN")));
}

#endif
