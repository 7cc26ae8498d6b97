/* What is asked of the three AWS services that a configuration comes from: S3, the Parameter Store of Systems Manager (SSM), Secrets Manager. No I/O: where a service
   is (llmfi_service_locate), one request to it (llmfi_s3_get and its like), the headers that sign that (llmfi_service_sign). The engine carries it out.

   Facts: "Amazon S3 API reference", "AWS Systems Manager API reference", "AWS Secrets Manager API reference", "AWS SDKs and Tools reference guide" (endpoints). */
#ifndef LLMFI_FACTORY_SERVICE_REQUEST_H
#define LLMFI_FACTORY_SERVICE_REQUEST_H
#include "../base/json_write.h"
#include "aws.h"

#if LLMFI_HAS_SERVICES

/* ---- operations ---- */

enum { LLMFI_SERVICE_S3_GET, LLMFI_SERVICE_S3_LIST, LLMFI_SERVICE_SSM_GET, LLMFI_SERVICE_SECRET_GET, LLMFI_SERVICE_OPS };

/* Of each operation: its name in Amazon's words, the service's name in host and signature, the variable of its endpoint, its X-Amz-Target. */
static const struct {
    const char *name, *service, *endpoint, *target;
} llmfi_service_ops[LLMFI_SERVICE_OPS] = {
    { "GetObject",      "s3",             "AWS_ENDPOINT_URL_S3",              "" },
    { "ListObjectsV2",  "s3",             "AWS_ENDPOINT_URL_S3",              "" },
    { "GetParameter",   "ssm",            "AWS_ENDPOINT_URL_SSM",             "AmazonSSM.GetParameter" },
    { "GetSecretValue", "secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager.GetSecretValue" },
};

static bool llmfi_service_is_s3(int op) {
    return op == LLMFI_SERVICE_S3_GET || op == LLMFI_SERVICE_S3_LIST;
}

/* ---- where a service is ---- */

/* Texts are the caller's; what llmfi_service_locate fills in is its arena's. */
typedef struct llmfi_service_place {
    llmf_str region;
    llmf_str endpoint;                       /* a URL; empty: Amazon's own */
    llmf_str profile;                        /* of ~/.aws; empty: AWS_PROFILE, or `default` */
    bool path_style;                         /* S3: the bucket in the path, not in the host */
} llmfi_service_place;

/* A region becomes a part of a host: nothing but a label of one may. */
static bool llmfi_service_region_ok(llmf_str region) {
    size_t i;
    for (i = 0; i < region.len; i++)
        if (!(region.ptr[i] >= 'a' && region.ptr[i] <= 'z') && !llmfi_is_digit(region.ptr[i]) && (region.ptr[i] != '-' || !i || i + 1 == region.len)) return false;
    return region.len > 0 && region.len < 40;
}

/* The domain of a region's partition (AWS SDKs, partitions.json). */
static llmf_str llmfi_service_domain(llmf_str region) {
    static const struct {
        char front[9], domain[18];
    } rows[] = { { "cn-", "amazonaws.com.cn" }, { "eusc-", "amazonaws.eu" }, { "us-iso-", "c2s.ic.gov" }, { "us-isob-", "sc2s.sgov.gov" },
                 { "us-isof-", "csp.hci.ic.gov" }, { "eu-isoe-", "cloud.adc-e.uk" } };
    size_t i;
    for (i = 0; i < LLMFI_COUNT(rows); i++)
        if (llmfi_starts(region, llmfi_cstr(rows[i].front))) return llmfi_cstr(rows[i].domain);
    return LLMFI_LIT("amazonaws.com");
}

/* arn:partition:service:region:account:resource: the region; empty: it is none, or names none. */
static llmf_str llmfi_arn_region(llmf_str name) {
    size_t i, colon;
    if (!llmfi_starts(name, LLMFI_LIT("arn:"))) return llmfi_str("", 0);
    for (i = 0; i < 3; i++) {
        colon = llmfi_find_char(name, ':');
        if (colon == LLMFI_NOWHERE) return llmfi_str("", 0);
        name = llmfi_from(name, colon + 1);
    }
    colon = llmfi_find_char(name, ':');
    return llmfi_str(name.ptr, colon == LLMFI_NOWHERE ? 0 : colon);
}

/* Begins an error about what is asked for: "s3://bucket/key: …". */
static llmfi_text llmfi_service_error(llmf_error *err, int code, llmf_str about) {
    llmfi_text t = llmfi_error_begin(err, code);
    llmfi_say_path(&t, about);
    LLMFI_SAY(&t, ": ");
    return t;
}

static bool llmfi_service_refuse(llmf_error *err, llmf_str about, const char *what) {
    llmfi_text t = llmfi_service_error(err, LLMF_ERR_CONFIG, about);
    llmfi_say_c(&t, what);
    return false;
}
#if !LLMF_HAS_STRINGS
#define llmfi_service_refuse(err, about, what) ((void)(what), llmfi_service_refuse((err), (about), ""))
#endif

static bool llmfi_service_variable(llmf_str *to, const llmfi_env *env, llmfi_arena *a, const char *name) {
    llmf_str value = to->len ? llmfi_str("", 0) : llmfi_aws_variable(env, name);
    if (value.len) *to = llmfi_arena_copy(a, value);
    return to->len != 0;
}

/* What the variables leave open may stand in the profile. */
static bool llmfi_service_profile(llmfi_service_place *p, llmfi_arena *a, const llmfi_env *env, bool endpoints, llmf_error *err) {
    llmfi_aws_profile of;
    bool good = llmfi_aws_profile_read(&of, a->heap, env, p->profile.len ? p->profile : llmfi_aws_profile_name(env), err);
    if (good && !p->region.len && of.region.len) p->region = llmfi_arena_copy(a, of.region);
    if (good && !p->endpoint.len && endpoints && of.endpoint_url.len && !LLMFI_NAMED(of.ignore_endpoints, "true")) p->endpoint = llmfi_arena_copy(a, of.endpoint_url);
    llmfi_aws_profile_end(&of);
    return good;
}

/* An endpoint that somebody has set: http or https, and a path at most. */
static bool llmfi_service_endpoint_ok(llmf_str endpoint) {
    llmfi_url url;
    llmfi_url_error bad;
    return llmfi_url_parse(endpoint, &url, &bad) && url.port && !url.query.len && (LLMFI_NAMED(url.scheme, "https") || LLMFI_NAMED(url.scheme, "http"));
}

/* Fills in what *p leaves open: the region of an ARN, then what *p says, AWS_REGION, AWS_DEFAULT_REGION, the profile's; the endpoint of the service's variable,
   AWS_ENDPOINT_URL, the profile's endpoint_url. name: what is asked for, which may be an ARN. about: how errors call it. */
LLMFI_UNUSED static bool llmfi_service_locate(llmfi_service_place *p, int op, llmf_str name, llmf_str about, const llmfi_env *env, llmfi_arena *a, llmf_error *err) {
    llmf_str of_arn = llmfi_arn_region(name);
    bool endpoints = !LLMFI_NAMED(llmfi_aws_variable(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true");
    if (of_arn.len) p->region = of_arn;
    if (!llmfi_service_variable(&p->region, env, a, "AWS_REGION")) llmfi_service_variable(&p->region, env, a, "AWS_DEFAULT_REGION");
    if (endpoints && !llmfi_service_variable(&p->endpoint, env, a, llmfi_service_ops[op].endpoint)) llmfi_service_variable(&p->endpoint, env, a, "AWS_ENDPOINT_URL");
    if ((!p->region.len || !p->endpoint.len) && !llmfi_service_profile(p, a, env, endpoints, err)) return false;
    if (a->failed) return llmfi_error_memory(err);
    if (!p->region.len) return llmfi_service_refuse(err, about, "no AWS region is known: set AWS_REGION, region of the profile, or ?region= here");
    if (!llmfi_service_region_ok(p->region)) return llmfi_service_refuse(err, about, "the AWS region is no name such as us-east-1: look at AWS_REGION, the profile, ?region=");
    if (p->endpoint.len && !llmfi_service_endpoint_ok(p->endpoint))
        return llmfi_service_refuse(err, about, "the AWS endpoint is no URL such as https://host: look at AWS_ENDPOINT_URL, endpoint_url of the profile, ?endpoint=");
    return true;
}

/* ---- requests ---- */

/* One request, without what signs it. method, service and the names of headers are static; region and a value of If-None-Match are the caller's. */
typedef struct llmfi_service_request {
    int op;
    llmf_str method, service, region;
    llmfi_buf url, body;
    llmf_header headers[3];
    size_t header_count;
} llmfi_service_request;

LLMFI_UNUSED static void llmfi_service_request_init(llmfi_service_request *q, llmfi_heap *heap) {
    memset(q, 0, sizeof *q);
    llmfi_buf_init(&q->url, heap, 0);
    llmfi_buf_init(&q->body, heap, 0);
}

LLMFI_UNUSED static void llmfi_service_request_free(llmfi_service_request *q) {
    llmfi_buf_free(&q->url);
    llmfi_buf_free(&q->body);
}

static void llmfi_service_header(llmfi_service_request *q, llmf_str name, llmf_str value) {
    q->headers[q->header_count].name = name;
    q->headers[q->header_count++].value = value;
}

static void llmfi_service_begin(llmfi_service_request *q, int op, const llmfi_service_place *p) {
    q->op = op;
    q->method = llmfi_service_is_s3(op) ? LLMFI_LIT("GET") : LLMFI_LIT("POST");
    q->service = llmfi_cstr(llmfi_service_ops[op].service);
    q->region = p->region;
    q->url.len = q->body.len = q->header_count = 0;
}

/* scheme://[bucket.]host of the service, and its path without a '/' at the end. */
static void llmfi_service_put_host(llmfi_out *o, const llmfi_service_request *q, const llmfi_service_place *p, llmf_str bucket) {
    llmfi_url url;
    llmfi_url_error bad;
    bool own = p->endpoint.len && llmfi_url_parse(p->endpoint, &url, &bad);
    llmfi_put_str(o, own ? url.scheme : LLMFI_LIT("https"));
    LLMFI_PUT(o, "://");
    llmfi_put_str(o, bucket);
    if (bucket.len) LLMFI_PUT(o, ".");
    if (own) {
        bool usual = url.port == llmfi_url_default_port(url.scheme); /* then Host has no port */
        size_t after = url.host.len + (url.ipv6 ? 2 : 0);
        while (url.path.len && url.path.ptr[url.path.len - 1] == '/') url.path.len--;
        llmfi_put(o, url.authority.ptr, usual ? after : url.authority.len);
        llmfi_put_str(o, url.path);
        return;
    }
    llmfi_put_str(o, q->service);
    LLMFI_PUT(o, ".");
    llmfi_put_str(o, p->region);
    LLMFI_PUT(o, ".");
    llmfi_put_str(o, llmfi_service_domain(p->region));
}

/* Letters, digits, '-', '_' and '.': what a bucket has ever been named with. */
static bool llmfi_s3_bucket_ok(llmf_str bucket) {
    size_t i;
    for (i = 0; i < bucket.len; i++)
        if (!llmfi_char_is(bucket.ptr[i], LLMFI_CHAR_ALNUM) && !llmfi_strchr("-_.", bucket.ptr[i])) return false;
    return bucket.len > 0 && bucket.len < 256 && !LLMFI_IS(bucket, ".") && !LLMFI_IS(bucket, "..");
}

/* A bucket stands in front of the host where it is one label of it: 3 to 63 small letters, digits and '-'. (With dots no certificate covers it.) */
static bool llmfi_s3_is_label(llmf_str bucket) {
    size_t i;
    if (bucket.len < 3 || bucket.len > 63 || bucket.ptr[0] == '-' || bucket.ptr[bucket.len - 1] == '-') return false;
    for (i = 0; i < bucket.len; i++)
        if (bucket.ptr[i] != '-' && !llmfi_is_digit(bucket.ptr[i]) && !(bucket.ptr[i] >= 'a' && bucket.ptr[i] <= 'z')) return false;
    return true;
}

/* An address, or this machine: nothing can stand in front of it. */
static bool llmfi_s3_host_is_bare(llmf_str endpoint) {
    llmfi_url url;
    llmfi_url_error bad;
    size_t i;
    if (!endpoint.len || !llmfi_url_parse(endpoint, &url, &bad)) return false;
    for (i = 0; i < url.host.len && (llmfi_is_digit(url.host.ptr[i]) || url.host.ptr[i] == '.');) i++;
    return url.ipv6 || i == url.host.len || LLMFI_NAMED(url.host, "localhost");
}

/* The key as a path has it: each byte but unreserved ones and '/' as %XX. */
static void llmfi_s3_put_key(llmfi_out *o, llmf_str key) {
    while (key.len) {
        size_t slash = llmfi_find_char(key, '/');
        llmf_str part = llmfi_str(key.ptr, slash == LLMFI_NOWHERE ? key.len : slash);
        llmfi_url_put(o, part);
        if (slash != LLMFI_NOWHERE) LLMFI_PUT(o, "/");
        key = llmfi_from(key, slash == LLMFI_NOWHERE ? key.len : slash + 1);
    }
}

/* The URL as far as its path. */
static bool llmfi_s3_begin(llmfi_service_request *q, int op, const llmfi_service_place *p, llmf_str bucket, llmf_str key, llmfi_out *o, llmf_error *err) {
    bool in_host = !p->path_style && llmfi_s3_is_label(bucket) && !llmfi_s3_host_is_bare(p->endpoint);
    if (llmfi_starts(bucket, LLMFI_LIT("arn:")))
        return llmfi_service_refuse(err, bucket, "an access point's ARN cannot be asked; name the bucket, or the access point's alias");
    if (!llmfi_s3_bucket_ok(bucket)) return llmfi_service_refuse(err, bucket, "no bucket has this name: only letters, digits, '-', '_' and '.' stand in one");
    if (!p->endpoint.len && (llmfi_ends(bucket, LLMFI_LIT("--x-s3")) || llmfi_ends(bucket, LLMFI_LIT("--op-s3"))))
        return llmfi_service_refuse(err, bucket, "directory buckets (S3 Express) and those on Outposts cannot be asked; take another bucket");
    llmfi_service_begin(q, op, p);
    llmfi_out_buf(o, &q->url);
    llmfi_service_put_host(o, q, p, in_host ? bucket : llmfi_str("", 0));
    LLMFI_PUT(o, "/");
    if (!in_host) llmfi_put_str(o, bucket);
    if (!in_host && op == LLMFI_SERVICE_S3_GET) LLMFI_PUT(o, "/");
    llmfi_s3_put_key(o, key);
    return true;
}

/* One object. etag: of the one that is had already; empty: none is. */
LLMFI_UNUSED static bool llmfi_s3_get(llmfi_service_request *q, const llmfi_service_place *p, llmf_str bucket, llmf_str key, llmf_str etag, llmf_error *err) {
    llmfi_out o;
    if (!key.len) return llmfi_service_refuse(err, bucket, "no object of the bucket is named");
    if (!llmfi_s3_begin(q, LLMFI_SERVICE_S3_GET, p, bucket, key, &o, err)) return false;
    if (etag.len && llmfi_header_bad_value(etag) == LLMFI_NOWHERE) llmfi_service_header(q, LLMFI_LIT("If-None-Match"), etag);
    return !o.failed || llmfi_error_memory(err);
}

/* What a listing is limited to. Zero is all of the bucket. */
typedef struct llmfi_s3_wanted {
    llmf_str prefix;
    llmf_str delimiter;                      /* what stands behind it is one prefix for all: "/" lists one folder */
    llmf_str token;                          /* of the page before */
    uint32_t max_keys;                       /* 0: as many as S3 gives, 1000 */
} llmfi_s3_wanted;

static void llmfi_s3_put_parameter(llmfi_out *o, const char *name, llmf_str value) {
    if (!value.len) return;
    LLMFI_PUT(o, "&");
    llmfi_put_str(o, llmfi_cstr(name));
    LLMFI_PUT(o, "=");
    llmfi_url_put(o, value);
}

LLMFI_UNUSED static bool llmfi_s3_list(llmfi_service_request *q, const llmfi_service_place *p, llmf_str bucket, const llmfi_s3_wanted *want, llmf_error *err) {
    llmfi_out o;
    if (!llmfi_s3_begin(q, LLMFI_SERVICE_S3_LIST, p, bucket, llmfi_str("", 0), &o, err)) return false;
    LLMFI_PUT(&o, "?list-type=2");
    llmfi_s3_put_parameter(&o, "continuation-token", want->token);
    llmfi_s3_put_parameter(&o, "delimiter", want->delimiter);
    if (want->max_keys) LLMFI_PUT(&o, "&max-keys=");
    if (want->max_keys) llmfi_put_int(&o, want->max_keys);
    llmfi_s3_put_parameter(&o, "prefix", want->prefix);
    return !o.failed || llmfi_error_memory(err);
}

/* Of a service that speaks JSON: the URL, its headers, and the object that is open. */
static bool llmfi_service_json(llmfi_service_request *q, int op, const llmfi_service_place *p, llmfi_out *o, llmfi_jw *w) {
    llmfi_service_begin(q, op, p);
    llmfi_out_buf(o, &q->url);
    llmfi_service_put_host(o, q, p, llmfi_str("", 0));
    LLMFI_PUT(o, "/");
    llmfi_service_header(q, LLMFI_LIT("X-Amz-Target"), llmfi_cstr(llmfi_service_ops[op].target));
    llmfi_service_header(q, LLMFI_LIT("Content-Type"), LLMFI_LIT("application/x-amz-json-1.1"));
    if (o->failed) return false;
    llmfi_out_buf(o, &q->body);
    llmfi_jw_init(w, o);
    llmfi_jw_object(w);
    return true;
}

static bool llmfi_service_json_end(llmfi_out *o, llmfi_jw *w, llmf_error *err) {
    llmfi_jw_object_end(w);
    return !o->failed || llmfi_error_memory(err);
}

/* name: of the parameter, or its ARN. A SecureString comes decrypted. */
LLMFI_UNUSED static bool llmfi_ssm_get(llmfi_service_request *q, const llmfi_service_place *p, llmf_str name, llmf_error *err) {
    llmfi_out o;
    llmfi_jw w;
    if (!name.len) return llmfi_service_refuse(err, LLMFI_LIT("ssm:"), "no parameter is named");
    if (!llmfi_service_json(q, LLMFI_SERVICE_SSM_GET, p, &o, &w)) return llmfi_error_memory(err);
    llmfi_jw_member_str(&w, "Name", name);
    llmfi_jw_member_bool(&w, "WithDecryption", true);
    return llmfi_service_json_end(&o, &w, err);
}

/* id: of the secret, or its ARN. stage: of the version, such as AWSPREVIOUS; empty: the current one. */
LLMFI_UNUSED static bool llmfi_secret_get(llmfi_service_request *q, const llmfi_service_place *p, llmf_str id, llmf_str stage, llmf_error *err) {
    llmfi_out o;
    llmfi_jw w;
    if (!id.len) return llmfi_service_refuse(err, LLMFI_LIT("secretsmanager"), "no secret is named");
    if (!llmfi_service_json(q, LLMFI_SERVICE_SECRET_GET, p, &o, &w)) return llmfi_error_memory(err);
    llmfi_jw_member_str(&w, "SecretId", id);
    if (stage.len) llmfi_jw_member_str(&w, "VersionStage", stage);
    return llmfi_service_json_end(&o, &w, err);
}

/* ---- signing ---- */

/* All headers of a request that is signed. */
typedef struct llmfi_service_signed {
    llmf_header headers[8];
    size_t header_count;
    llmfi_buf text;                          /* the values of Authorization and X-Amz-Security-Token: to be wiped */
    char time[LLMFI_SIGV4_TIME + 1], hash[LLMFI_SIGV4_HEX];
} llmfi_service_signed;

LLMFI_UNUSED static void llmfi_service_signed_init(llmfi_service_signed *s, llmfi_heap *heap) {
    memset(s, 0, sizeof *s);
    llmfi_buf_init(&s->text, heap, 0);
}

LLMFI_UNUSED static void llmfi_service_signed_free(llmfi_service_signed *s) {
    llmfi_aws_wipe(&s->text);
    s->header_count = 0;
}

static void llmfi_service_send(llmfi_service_signed *to, llmf_str name, llmf_str value) {
    to->headers[to->header_count].name = name;
    to->headers[to->header_count++].value = value;
}

static void llmfi_service_hash(llmfi_service_signed *to, llmf_str body) {
    unsigned char digest[LLMFI_SHA256];
    llmfi_sha256_of(body, digest);
    llmfi_hex_lower(to->hash, digest, sizeof digest);
}

/* Host, and what of the headers is signed: all but If-None-Match, which may be changed on its way. */
static size_t llmfi_service_to_sign(const llmfi_service_signed *to, llmf_str host, llmf_str token, llmf_header *headers) {
    size_t i, n = 0;
    headers[n].name = LLMFI_LIT("Host");
    headers[n++].value = host;
    for (i = 0; i < to->header_count; i++)
        if (!LLMFI_IS(to->headers[i].name, "If-None-Match")) headers[n++] = to->headers[i];
    headers[n].name = LLMFI_LIT("X-Amz-Security-Token");
    headers[n].value = token;
    return n + (token.len != 0);
}

/* The last headers: token and signature, in one piece of memory so that neither moves. */
static bool llmfi_service_authorize(llmfi_service_signed *to, const llmfi_sigv4 *s) {
    size_t token = s->keys.token.len;
    llmfi_out o;
    llmfi_out_count(&o);
    llmfi_sigv4_authorization(s, &o);
    if (!llmfi_buf_reserve(&to->text, token + (size_t)o.total)) return false;
    llmfi_buf_add(&to->text, s->keys.token.ptr, token);
    llmfi_out_buf(&o, &to->text);
    llmfi_sigv4_authorization(s, &o);
    if (token) llmfi_service_send(to, LLMFI_LIT("X-Amz-Security-Token"), llmfi_str(to->text.ptr, token));
    llmfi_service_send(to, LLMFI_LIT("Authorization"), llmfi_from(llmfi_buf_str(&to->text), token));
    return true;
}

/* The headers that the request goes out with, Host not among them. Their texts live as long as *q and *to, which is wiped before. */
LLMFI_UNUSED static bool llmfi_service_sign(const llmfi_service_request *q, const llmfi_aws_keys *keys, int64_t wall_ms, llmfi_service_signed *to, llmf_error *err) {
    llmf_header headers[9];
    llmfi_url url;
    llmfi_url_error bad;
    llmfi_sigv4 s;
    size_t i;
    llmfi_service_signed_free(to);
    if (!llmfi_url_parse(llmfi_buf_str(&q->url), &url, &bad)) return llmfi_error_set(err, LLMF_ERR_CONFIG, "a request to AWS has no URL: look at the endpoint that is set");
    if (!llmfi_header_ok(LLMFI_LIT("X-Amz-Security-Token"), keys->token) || !llmfi_header_ok(LLMFI_LIT("Authorization"), keys->id))
        return llmfi_error_set(err, LLMF_ERR_AUTH, "the AWS access key id, or the session token, holds a character that HTTP does not allow: look at how it is stored");
    llmfi_sigv4_time(to->time, wall_ms);
    llmfi_service_hash(to, llmfi_buf_str(&q->body));
    for (i = 0; i < q->header_count; i++) llmfi_service_send(to, q->headers[i].name, q->headers[i].value);
    llmfi_service_send(to, LLMFI_LIT("X-Amz-Date"), llmfi_str(to->time, LLMFI_SIGV4_TIME));
    if (llmfi_service_is_s3(q->op)) llmfi_service_send(to, LLMFI_LIT("X-Amz-Content-Sha256"), llmfi_str(to->hash, sizeof to->hash));
    memset(&s, 0, sizeof s);
    memcpy(s.time, to->time, sizeof s.time);
    s.method = q->method;
    s.path = url.path;
    s.query = url.query;
    s.headers = headers;
    s.header_count = llmfi_service_to_sign(to, url.authority, keys->token, headers);
    s.region = q->region;
    s.service = q->service;
    s.payload = llmfi_str(to->hash, sizeof to->hash);
    s.keys = *keys;
    s.once = s.as_is = llmfi_service_is_s3(q->op);
    return llmfi_service_authorize(to, &s) || llmfi_error_memory(err);
}

#endif
#endif
