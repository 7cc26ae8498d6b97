/* The three AWS services that a configuration comes from: S3, the Parameter Store of Systems Manager (SSM), Secrets Manager. No I/O: where a service is
   (llmfi_service_locate), what to ask it (llmfi_s3_get and its like), the headers that sign that (llmfi_service_sign), what its reply means (llmfi_service_judge,
   llmfi_service_value, llmfi_s3_list_next). The engine carries it out.

       s3://bucket/models.yaml?region=eu-west-1     one object; s3://bucket/models/ all that lie below. ssm:/app/models   one parameter
       options behind '?', divided by '&': region, endpoint (a URL instead of Amazon's), path_style=true, profile

   Facts: "Amazon S3 API reference", "AWS Systems Manager API reference", "AWS Secrets Manager API reference", "AWS SDKs and Tools reference guide" (endpoints). */
#ifndef LLMFI_FACTORY_AWS_SERVICES_H
#define LLMFI_FACTORY_AWS_SERVICES_H
#include "../../providers/fault.h"
#include "../base/json_write.h"
#include "../wire/xml.h"
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
    if (!llmfi_service_region_ok(p->region)) return llmfi_service_refuse(err, about, "the AWS region is no name such as us-east-1: look at AWS_REGION, region of the profile, ?region=");
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
    llmfi_sha256 hash;
    llmfi_sha256_init(&hash);
    llmfi_sha256_add(&hash, body.ptr, body.len);
    llmfi_sha256_end(&hash, digest);
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

/* ---- replies: text out of JSON ---- */

/* Puts a string of JSON, decoded; raw: what stands between its quotes, checked by the reader. */
static void llmfi_service_put_json(llmfi_out *o, llmf_str raw) {
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    llmfi_utf8 clean;
    memset(&clean, 0, sizeof clean);
    while (p < end) {
        const char *stop = (const char *)llmfi_memchr(p, '\\', (size_t)(end - p));
        char one[4];
        if (!stop) stop = end;
        llmfi_utf8_feed(&clean, llmfi_range(p, stop), o);
        p = stop;
        if (p < end) llmfi_utf8_feed(&clean, llmfi_str(one, llmfi_utf8_encode(one, llmfi_json_escape(&p, end))), o);
    }
    llmfi_utf8_end(&clean, o);
}

/* Base64 that comes in pieces of any size: decoded as it comes. */
typedef struct llmfi_service_base64 {
    llmfi_out *to;
    char text[256];                          /* a multiple of four */
    size_t len;
    bool bad;
} llmfi_service_base64;

static void llmfi_service_base64_piece(llmfi_service_base64 *b, bool last) {
    char bytes[sizeof b->text];
    size_t len;
    llmf_str text = llmfi_str(b->text, b->len);
    if (!last && llmfi_find_char(text, '=') != LLMFI_NOWHERE) b->bad = true; /* padding stands at the end only */
    if (!b->bad && llmfi_base64_decode(text, bytes, sizeof bytes, &len)) llmfi_put(b->to, bytes, len);
    else b->bad = true;
    llmfi_wipe(llmfi_str(bytes, sizeof bytes));
    b->len = 0;
}

static void llmfi_service_base64_tap(void *user, const char *bytes, size_t len) {
    llmfi_service_base64 *b = (llmfi_service_base64 *)user;
    size_t i;
    for (i = 0; i < len; i++) {
        if (b->len == sizeof b->text) llmfi_service_base64_piece(b, false);
        b->text[b->len++] = bytes[i];
    }
}

static bool llmfi_service_put_base64(llmfi_out *to, llmf_str raw) {
    llmfi_service_base64 b;
    llmfi_out o;
    b.to = to;
    b.len = 0;
    b.bad = false;
    llmfi_out_count(&o);
    o.tap = llmfi_service_base64_tap;
    o.tap_user = &b;
    llmfi_service_put_json(&o, raw);
    llmfi_service_base64_piece(&b, true);
    llmfi_wipe(llmfi_str(b.text, sizeof b.text));
    return !b.bad;
}

/* What a reply of SSM or Secrets Manager holds; views into its body. */
typedef struct llmfi_service_held {
    llmf_str value;                          /* raw: for llmfi_service_value */
    llmf_str version;                        /* raw: the number or the VersionId; empty: none was given */
    bool binary;                             /* SecretBinary: base64 */
    bool secret;                             /* a SecureString, or a secret: not to be shown */
    bool found;
} llmfi_service_held;

/* The members of a parameter or a secret; the object is open. */
static void llmfi_service_members(llmfi_json *j, int op, llmfi_service_held *h) {
    static const char of_ssm[] = "Value\0Version\0Type\0", of_secret[] = "SecretString\0VersionId\0SecretBinary\0";
    bool secret = op == LLMFI_SERVICE_SECRET_GET;
    int at, token;
    if (secret) h->secret = true;
    while ((at = llmfi_json_pick(j, secret ? of_secret : of_ssm)) >= 0) {
        token = llmfi_json_scalar(j);
        if (at == 1 && (token == LLMFI_J_STRING || token == LLMFI_J_NUMBER)) h->version = j->text;
        if (token != LLMFI_J_STRING) continue;
        if (at == 2 && !secret) h->secret = LLMFI_KEY(j, "SecureString");
        if (at == 0 || (at == 2 && secret && (!h->found || h->binary))) { /* SecretString outranks SecretBinary */
            h->value = j->text;
            h->binary = at == 2;
            h->found = true;
        }
    }
}

static bool llmfi_service_hold(int op, llmf_str body, llmfi_service_held *h) {
    llmfi_json j;
    int at = 0;
    memset(h, 0, sizeof *h);
    h->value = h->version = llmfi_str("", 0);
    llmfi_json_init(&j, llmfi_trim(body), true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) return false;
    if (op == LLMFI_SERVICE_SECRET_GET) llmfi_service_members(&j, op, h);
    while (op == LLMFI_SERVICE_SSM_GET && (at = llmfi_json_pick(&j, "Parameter\0")) >= 0)
        if (at) llmfi_json_scalar(&j);
        else if (llmfi_json_enter(&j, LLMFI_J_OBJECT)) llmfi_service_members(&j, op, h);
    return !j.error && llmfi_json_next(&j) == LLMFI_J_END && h->found;
}

static bool llmfi_service_no_value(llmf_error *err, int op, llmf_str about) {
    llmfi_text t = llmfi_service_error(err, LLMF_ERR_PROTOCOL, about);
    err->http_status = 200;
    LLMFI_SAY(&t, "the reply is none of ");
    llmfi_say_c(&t, llmfi_service_ops[op].name);
    LLMFI_SAY(&t, ", or holds no value: is the endpoint right?");
    return false;
}

/* The value that a reply with status 200 holds: an object's bytes, a parameter, a secret. held: NULL, or what else it says. False with *err, and what was put is of
   no use; secrets are to be wiped all the same. */
LLMFI_UNUSED static bool llmfi_service_value(int op, llmf_str body, llmf_str about, llmfi_out *o, llmfi_service_held *held, llmf_error *err) {
    llmfi_service_held h;
    if (op == LLMFI_SERVICE_S3_GET) {
        memset(&h, 0, sizeof h);
        h.value = body;
        h.version = llmfi_str("", 0);
        h.found = true;
        llmfi_put_str(o, body);
    } else {
        if (!llmfi_service_hold(op, body, &h)) return llmfi_service_no_value(err, op, about);
        if (!h.binary) llmfi_service_put_json(o, h.value);
        else if (!llmfi_service_put_base64(o, h.value)) return llmfi_service_no_value(err, op, about);
    }
    if (held) *held = h;
    return !o->failed || llmfi_error_memory(err);
}

/* ---- replies: lists ---- */

enum { LLMFI_S3_END, LLMFI_S3_KEY, LLMFI_S3_PREFIX };

/* One page of a listing. Its texts are raw: llmfi_s3_put. */
typedef struct llmfi_s3_page {
    llmfi_xml xml;
    bool encoded;                            /* keys and prefixes as in a URL: we do not ask for it, but a server may */
    bool more;                               /* another page follows: ask with `token` */
    llmf_str token;
    llmf_str around;                         /* the name of the element below the root that is open */
    llmf_str key, etag;                      /* of the item; a prefix has no ETag */
} llmfi_s3_page;

/* Keys of a URL's form have no references; '+' is a blank in them. */
static bool llmfi_s3_put_encoded(llmfi_out *o, llmf_str raw) {
    llmfi_utf8 clean;
    memset(&clean, 0, sizeof clean);
    while (raw.len) {
        char c = raw.ptr[0] == '+' ? ' ' : raw.ptr[0];
        if (c == '&' || c == '<') return false;
        if (c != '%') raw = llmfi_from(raw, 1);
        else c = (char)llmfi_url_byte(&raw);
        llmfi_utf8_feed(&clean, llmfi_str(&c, 1), o);
    }
    llmfi_utf8_end(&clean, o);
    return true;
}

/* Puts a key or prefix of the page. False: it is no text (llmfi_s3_page_begin has looked at all of them). */
LLMFI_UNUSED static bool llmfi_s3_put(const llmfi_s3_page *p, llmfi_out *o, llmf_str raw) {
    return p->encoded ? llmfi_s3_put_encoded(o, raw) : llmfi_xml_put(o, raw);
}

/* What the page says of itself: the elements right below the root. */
static bool llmfi_s3_page_head(llmfi_s3_page *p, llmf_str body) {
    llmfi_xml x;
    int got;
    bool list = false;
    llmfi_xml_init(&x, body);
    while ((got = llmfi_xml_next(&x)) > LLMFI_XML_END) {
        if (got == LLMFI_XML_OPEN && x.depth == 1) list = LLMFI_IS(x.name, "ListBucketResult");
        if (got != LLMFI_XML_CLOSE || x.depth != 1) continue;
        if (LLMFI_IS(x.name, "EncodingType")) p->encoded = LLMFI_NAMED(llmfi_trim(x.inner), "url");
        if (LLMFI_IS(x.name, "IsTruncated")) p->more = LLMFI_NAMED(llmfi_trim(x.inner), "true");
        if (LLMFI_IS(x.name, "NextContinuationToken")) p->token = llmfi_trim(x.inner);
    }
    return got == LLMFI_XML_END && list;
}

/* LLMFI_S3_KEY: p->key is an object's, p->etag its ETag; _PREFIX: p->key is what many keys begin with; _END. */
LLMFI_UNUSED static int llmfi_s3_list_next(llmfi_s3_page *p) {
    llmfi_xml *x = &p->xml;
    int got;
    p->key = p->etag = llmfi_str("", 0);
    while ((got = llmfi_xml_next(x)) > LLMFI_XML_END) {
        if (got == LLMFI_XML_OPEN && x->depth == 2) p->around = x->name;
        if (got != LLMFI_XML_CLOSE) continue;
        if (x->depth == 2 && LLMFI_IS(p->around, "Contents") && LLMFI_IS(x->name, "Key")) p->key = x->inner;
        if (x->depth == 2 && LLMFI_IS(p->around, "Contents") && LLMFI_IS(x->name, "ETag")) p->etag = x->inner;
        if (x->depth == 2 && LLMFI_IS(p->around, "CommonPrefixes") && LLMFI_IS(x->name, "Prefix")) {
            p->key = x->inner;
            return LLMFI_S3_PREFIX;
        }
        if (x->depth == 1 && LLMFI_IS(x->name, "Contents") && p->key.len) return LLMFI_S3_KEY;
    }
    return LLMFI_S3_END;
}

/* Looks at the whole of a page before any of it counts. False with *err: it is cut, no list, or has an unreadable key. */
LLMFI_UNUSED static bool llmfi_s3_page_begin(llmfi_s3_page *p, llmf_str body, llmf_str about, llmf_error *err) {
    llmfi_out o;
    bool good;
    memset(p, 0, sizeof *p);
    p->token = p->around = p->key = p->etag = llmfi_str("", 0);
    llmfi_out_count(&o);
    good = llmfi_s3_page_head(p, body) && (!p->more || p->token.len) && llmfi_xml_put(&o, p->token);
    llmfi_xml_init(&p->xml, body);
    while (good && llmfi_s3_list_next(p) != LLMFI_S3_END) good = llmfi_s3_put(p, &o, p->key) && llmfi_xml_put(&o, p->etag);
    llmfi_xml_init(&p->xml, body);
    return good || llmfi_service_no_value(err, LLMFI_SERVICE_S3_LIST, about);
}

/* ---- replies: errors ---- */

enum { LLMFI_SERVICE_FAILED, LLMFI_SERVICE_GOOD, LLMFI_SERVICE_SAME, LLMFI_SERVICE_REGION };

/* What an error's body says; views into it, raw. */
typedef struct llmfi_service_said {
    llmf_str code, message, region;
    bool xml;
} llmfi_service_said;

static void llmfi_service_read_xml(llmfi_service_said *s, llmf_str body) {
    llmfi_xml x;
    int got;
    llmfi_xml_init(&x, body);
    while ((got = llmfi_xml_next(&x)) > LLMFI_XML_END) {
        if (got != LLMFI_XML_CLOSE || !x.depth) continue;
        if (!s->code.len && LLMFI_IS(x.name, "Code")) s->code = llmfi_trim(x.inner);
        if (!s->message.len && LLMFI_IS(x.name, "Message")) s->message = llmfi_trim(x.inner);
        if (!s->region.len && LLMFI_IS(x.name, "Region")) s->region = llmfi_trim(x.inner);
    }
}

static void llmfi_service_read_json(llmfi_service_said *s, llmf_str body) {
    llmfi_json j;
    size_t sharp, colon;
    int at;
    llmfi_json_init(&j, body, true);
    if (!llmfi_json_enter(&j, LLMFI_J_OBJECT)) return;
    while ((at = llmfi_json_pick(&j, "__type\0message\0Message\0code\0")) >= 0) {
        if (llmfi_json_scalar(&j) != LLMFI_J_STRING) continue;
        if (at == 0 || (at == 3 && !s->code.len)) s->code = j.text;
        if (at == 1 || (at == 2 && !s->message.len)) s->message = j.text;
    }
    sharp = llmfi_find_char(s->code, '#');
    if (sharp != LLMFI_NOWHERE) s->code = llmfi_from(s->code, sharp + 1);
    colon = llmfi_find_char(s->code, ':');
    if (colon != LLMFI_NOWHERE) s->code.len = colon;
}

static void llmfi_service_read(llmfi_service_said *s, llmf_str body) {
    s->code = s->message = s->region = llmfi_str("", 0);
    body = llmfi_trim(body);
    if (llmfi_starts(body, LLMFI_LIT("\xEF\xBB\xBF"))) body = llmfi_trim(llmfi_from(body, 3));
    s->xml = body.len && body.ptr[0] == '<';
    if (s->xml) llmfi_service_read_xml(s, body);
    else llmfi_service_read_json(s, body);
}

/* The first line of what it says, without what looks like a key: behind it services repeat what was signed. */
static llmf_str llmfi_service_message(const llmfi_service_said *s, char *text, size_t cap) {
    llmfi_out o;
    size_t lf, at;
    llmf_str line;
    llmfi_out_window(&o, text, cap, 0);
    if (!s->xml) llmfi_service_put_json(&o, s->message);
    else if (!llmfi_xml_put(&o, s->message)) o.len = 0;
    line = llmfi_str(text, o.len);
    lf = llmfi_find_char(line, '\n');
    if (lf != LLMFI_NOWHERE) line.len = lf;
    else if (o.len == cap) (void)llmfi_utf8_valid(line, &line.len);
    at = llmfi_find_nocase(line, LLMFI_LIT("the canonical string"));
    if (at != LLMFI_NOWHERE) line.len = at;
    line.len = llmfi_fault_scrub(text, line.len);
    return llmfi_trim(line);
}

/* Words of these services that models.def has no row for; each list ends with an empty one. */
static int llmfi_service_class(llmf_str code, int status) {
    static const char limits[] = "Throttling\0ThrottledException\0RequestThrottled\0RequestThrottledException\0TooManyRequestsException\0RequestLimitExceeded\0"
                                 "BandwidthLimitExceeded\0ProvisionedThroughputExceededException\0PriorRequestNotComplete\0TransactionInProgressException\0"
                                 "EC2ThrottledException\0LimitExceededException\0";
    static const char keys[] = "InvalidToken\0TokenRefreshRequired\0InvalidClientTokenId\0AuthFailure\0IncompleteSignature\0IncompleteSignatureException\0"
                               "MissingAuthenticationToken\0MissingAuthenticationTokenException\0MissingSecurityHeader\0RequestExpired\0RequestTimeTooSkewed\0"
                               "InvalidSecurity\0NotSignedUp\0AuthorizationHeaderMalformed\0";
    static const char rights[] = "AllAccessDisabled\0AccountProblem\0UnauthorizedAccess\0AccessDeniedByKMS\0KMSAccessDeniedException\0";
    static const char nothing[] = "NoSuchVersion\0ParameterVersionNotFound\0NotFoundException\0";
    static const char later[] = "InternalError\0InternalFailure\0InternalServerError\0InternalServiceError\0";
    int result;
    if (code.len) {
        if (llmfi_word_in(limits, code) >= 0) return LLMF_ERR_RATE_LIMIT;
        if (llmfi_word_in(keys, code) >= 0) return LLMF_ERR_AUTH;
        if (llmfi_word_in(rights, code) >= 0) return LLMF_ERR_PERMISSION;
        if (llmfi_word_in(nothing, code) >= 0) return LLMF_ERR_NOT_FOUND;
        if (llmfi_word_in(later, code) >= 0) return LLMF_ERR_SERVER;
        if (LLMFI_IS(code, "ServiceUnavailable")) return LLMF_ERR_OVERLOADED;
        if (LLMFI_IS(code, "RequestTimeout") || LLMFI_IS(code, "RequestTimeoutException")) return LLMF_ERR_TIMEOUT;
        result = llmfi_fault_of_word(code);
        if (result != LLMF_OK && result != LLMF_ERR_BAD_REQUEST) return result;
    }
    result = llmfi_fault_of_status(status);
    return result == LLMF_OK ? LLMF_ERR_SERVER : result;
}

/* What to do about it. */
static const char *llmfi_service_advice(int op, int code, llmf_str word) {
#if !LLMF_HAS_STRINGS
    (void)op, (void)code, (void)word;
    return "";
#else
    static const char *const rights[] = { "allow s3:GetObject for it to these keys", "allow s3:ListBucket for it to these keys",
                                          "allow ssm:GetParameter for it to these keys, and kms:Decrypt for its key",
                                          "allow secretsmanager:GetSecretValue for it to these keys, and kms:Decrypt for its key" };
    static const char *const names[] = { "look at the bucket's name and at the key", "look at the bucket's name", "look at the parameter's name and at the region",
                                         "look at the secret's name and at the region" };
    if (LLMFI_IS(word, "RequestTimeTooSkewed") || LLMFI_IS(word, "RequestExpired")) return "set this machine's clock";
    if (llmfi_find_nocase(word, LLMFI_LIT("expired")) != LLMFI_NOWHERE) return "get new AWS credentials: these have ended";
    switch (code) {
    case LLMF_ERR_AUTH: return "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile, and the region";
    case LLMF_ERR_PERMISSION: return rights[op];
    case LLMF_ERR_NOT_FOUND: return names[op];
    case LLMF_ERR_RATE_LIMIT: return "ask less often";
    case LLMF_ERR_OVERLOADED:
    case LLMF_ERR_TIMEOUT:
    case LLMF_ERR_SERVER: return "the fault is Amazon's: try again later";
    default: return "look at the name, the region and the endpoint";
    }
#endif
}

/* The region in which a bucket really is; empty: it is in the one that was asked, or the reply does not tell. */
static llmf_str llmfi_service_elsewhere(int op, int status, const llmfi_service_said *s, llmf_str header, llmf_str asked) {
    static const char words[] = "PermanentRedirect\0TemporaryRedirect\0Redirect\0AuthorizationHeaderMalformed\0IllegalLocationConstraintException\0";
    llmf_str region = llmfi_trim(header);
    bool other = status / 100 == 3 || (status == 400 && !s->code.len) || (s->code.len && llmfi_word_in(words, s->code) >= 0);
    if (!llmfi_service_region_ok(region)) region = s->region;
    return llmfi_service_is_s3(op) && other && llmfi_service_region_ok(region) && !llmfi_eq(region, asked) ? region : llmfi_str("", 0);
}

/* region: where the bucket is instead; empty: unknown, or where it was asked. */
static void llmfi_service_tell(llmf_error *err, int op, int status, const llmfi_service_said *s, llmf_str about, llmf_str region) {
    char text[256];
    llmf_str said = llmfi_service_message(s, text, sizeof text), word = s->code;
    int code = llmfi_service_class(word, status);
    const char *advice = llmfi_service_advice(op, code, word);
    llmfi_text t = llmfi_service_error(err, code, about), named;
    err->http_status = status;
    if (llmfi_utf8_valid(word, NULL)) {
        named = llmfi_text_in(err->provider_code, sizeof err->provider_code);
        llmfi_say(&named, word);
        err->provider_code[llmfi_fault_scrub(err->provider_code, named.len)] = '\0';
    }
    if (said.len) llmfi_say(&t, said);
    else LLMFI_SAY(&t, "an error without a message");
    LLMFI_SAY(&t, " (HTTP ");
    llmfi_say_int(&t, status);
    if (err->provider_code[0]) LLMFI_SAY(&t, ", ");
    llmfi_say_c(&t, err->provider_code);
    LLMFI_SAY(&t, "); ");
    if (region.len) LLMFI_SAY(&t, "the bucket's region is ");
    if (region.len) llmfi_say(&t, region);
    else llmfi_say_c(&t, advice);
    llmfi_wipe(llmfi_str(text, sizeof text));
}

/* What a reply means. asked: the region that it was signed for. header: the value of x-amz-bucket-region; empty: none. about: how errors call what was asked for.
   LLMFI_SERVICE_GOOD: the body counts; _SAME: nothing has changed (304); _REGION: *region, a view of the header or the body, is where to ask, once; _FAILED with
   *err, which is set for _REGION too. */
LLMFI_UNUSED static int llmfi_service_judge(int op, int status, llmf_str asked, llmf_str header, llmf_str body, llmf_str about, llmf_str *region, llmf_error *err) {
    llmfi_service_said said;
    *region = llmfi_str("", 0);
    if (status == 200) return LLMFI_SERVICE_GOOD;
    if (status == 304) return LLMFI_SERVICE_SAME;
    llmfi_service_read(&said, body);
    *region = llmfi_service_elsewhere(op, status, &said, header, asked);
    llmfi_service_tell(err, op, status, &said, about, *region);
    return region->len ? LLMFI_SERVICE_REGION : LLMFI_SERVICE_FAILED;
}

/* ---- sources ---- */

/* What an address of a config source means. op: LLMFI_SERVICE_S3_GET, _S3_LIST (`name` is a prefix, empty or with '/' at its end) or _SSM_GET. */
typedef struct llmfi_aws_source {
    int op;
    llmf_str bucket, name;
    llmfi_service_place place;
} llmfi_aws_source;

/* An address that llmfi_aws_source_parse reads. */
LLMFI_UNUSED static bool llmfi_is_aws_source(llmf_str text) {
    return llmfi_starts(text, LLMFI_LIT("s3:")) || llmfi_starts(text, LLMFI_LIT("ssm:"));
}

/* A value with its %XX decoded, in the arena where it has some. */
static llmf_str llmfi_aws_source_decoded(llmf_str s, llmfi_arena *a) {
    llmf_str copy, rest = s;
    size_t n = 0;
    char *to;
    if (llmfi_find_char(s, '%') == LLMFI_NOWHERE) return s;
    copy = llmfi_arena_copy(a, s);
    for (to = (char *)(uintptr_t)copy.ptr; copy.len && rest.len; n++) to[n] = (char)llmfi_url_byte(&rest);
    return llmfi_str(copy.ptr, copy.len ? n : 0);
}

static bool llmfi_aws_source_refuse_option(llmf_error *err, llmf_str about, llmf_str option, const char *what) {
    llmfi_text t = llmfi_service_error(err, LLMF_ERR_CONFIG, about);
    llmfi_say(&t, llmfi_utf8_cut(option, 40));
    llmfi_say_c(&t, what);
    return false;
}

static bool llmfi_aws_source_options(llmfi_aws_source *s, llmf_str query, llmf_str about, llmfi_arena *a, llmf_error *err) {
    llmfi_parameter p;
    p.at = 0;
    while (llmfi_query_next(&query, &p)) {
        llmf_str value = llmfi_aws_source_decoded(p.value, a);
        if (LLMFI_IS(p.name, "region")) s->place.region = value;
        else if (LLMFI_IS(p.name, "endpoint")) s->place.endpoint = value;
        else if (LLMFI_IS(p.name, "profile")) s->place.profile = value;
        else if (LLMFI_IS(p.name, "path_style") && s->op != LLMFI_SERVICE_SSM_GET) s->place.path_style = LLMFI_IS(value, "true");
        else return llmfi_aws_source_refuse_option(err, about, p.name, s->op == LLMFI_SERVICE_SSM_GET ? LLMFI_WORDS(": no such option; there are region, endpoint, profile") :
                                               LLMFI_WORDS(": no such option; there are region, endpoint, path_style, profile. (A key with '?' in it cannot be named)"));
        if (a->failed) return llmfi_error_memory(err);
        if (LLMFI_IS(p.name, "path_style") ? !s->place.path_style && !LLMFI_IS(value, "false") : !value.len)
            return llmfi_aws_source_refuse_option(err, about, p.name, LLMFI_IS(p.name, "path_style") ? LLMFI_WORDS(" is true or false") : LLMFI_WORDS(" has no value"));
    }
    if (s->place.region.len && !llmfi_service_region_ok(s->place.region)) return llmfi_service_refuse(err, about, "region is no name such as us-east-1");
    if (s->place.endpoint.len && !llmfi_service_endpoint_ok(s->place.endpoint)) return llmfi_service_refuse(err, about, "endpoint is no URL such as https://host");
    return true;
}

/* "ssm:/name", "ssm:name", an ARN; "ssm://name" is /name where it has folders, as only those begin with '/'. */
static bool llmfi_aws_source_parameter(llmfi_aws_source *s, llmf_str text, llmf_str about, llmf_error *err) {
    bool slashes = llmfi_starts(text, LLMFI_LIT("//"));
    s->op = LLMFI_SERVICE_SSM_GET;
    s->name = slashes ? llmfi_from(text, 2) : text;
    if (slashes && s->name.len && s->name.ptr[0] != '/' && !llmfi_starts(s->name, LLMFI_LIT("arn:")) && llmfi_find_char(s->name, '/') != LLMFI_NOWHERE)
        s->name = llmfi_from(text, 1);
    if (!s->name.len || LLMFI_IS(s->name, "/")) return llmfi_service_refuse(err, about, "no parameter is named: write ssm:/name");
    return s->name.ptr[s->name.len - 1] != '/' || llmfi_service_refuse(err, about, "a parameter's name does not end with '/': one parameter is read, not a folder of them");
}

static bool llmfi_aws_source_bucket(llmfi_aws_source *s, llmf_str text, llmf_str about, llmf_error *err) {
    size_t slash;
    if (!llmfi_starts(text, LLMFI_LIT("//"))) return llmfi_service_refuse(err, about, "write s3://bucket/key, or s3://bucket/prefix/");
    text = llmfi_from(text, 2);
    slash = llmfi_find_char(text, '/');
    s->bucket = llmfi_str(text.ptr, slash == LLMFI_NOWHERE ? text.len : slash);
    s->name = llmfi_from(text, slash == LLMFI_NOWHERE ? text.len : slash + 1);
    s->op = !s->name.len || s->name.ptr[s->name.len - 1] == '/' ? LLMFI_SERVICE_S3_LIST : LLMFI_SERVICE_S3_GET;
    if (!s->bucket.len) return llmfi_service_refuse(err, about, "no bucket is named: write s3://bucket/key");
    if (llmfi_starts(s->bucket, LLMFI_LIT("arn:"))) return llmfi_service_refuse(err, about, "an access point's ARN cannot be read; name the bucket, or the access point's alias");
    if (!llmfi_s3_bucket_ok(s->bucket)) return llmfi_service_refuse(err, about, "no bucket has this name: only letters, digits, '-', '_' and '.' stand in one");
    return s->name.len <= 1024 || llmfi_service_refuse(err, about, "a key has 1024 bytes at most");
}

/* Takes an address of a config source apart; views into `text`, options with %XX in the arena. A key is as it stands, not encoded. */
LLMFI_UNUSED static bool llmfi_aws_source_parse(llmfi_aws_source *s, llmf_str text, llmfi_arena *a, llmf_error *err) {
    size_t query = llmfi_find_char(text, '?');
    llmf_str path = llmfi_str(text.ptr, query == LLMFI_NOWHERE ? text.len : query), options = llmfi_from(text, query == LLMFI_NOWHERE ? text.len : query + 1);
    bool good;
    memset(s, 0, sizeof *s);
    s->bucket = s->name = s->place.region = s->place.endpoint = s->place.profile = llmfi_str("", 0);
    if (llmfi_find_control(text, 0) != LLMFI_NOWHERE || !llmfi_utf8_valid(text, NULL))
        return llmfi_error_set(err, LLMF_ERR_CONFIG, "the address of a config source holds a control character, or bytes that are not UTF-8");
    if (llmfi_starts(path, LLMFI_LIT("ssm:"))) good = llmfi_aws_source_parameter(s, llmfi_from(path, 4), path, err);
    else if (llmfi_starts(path, LLMFI_LIT("s3:"))) good = llmfi_aws_source_bucket(s, llmfi_from(path, 3), path, err);
    else return llmfi_service_refuse(err, path, "neither s3://bucket/key nor ssm:/name");
    return good && llmfi_aws_source_options(s, options, path, a, err);
}

/* ---- for those who have a reply: llmf_aws_decode ---- */

/* Looks at bytes that come in pieces: are they UTF-8? */
typedef struct llmfi_service_look {
    char held[4];
    int count;
    bool bad;
} llmfi_service_look;

static void llmfi_service_look_tap(void *user, const char *bytes, size_t len) {
    llmfi_service_look *l = (llmfi_service_look *)user;
    uint32_t cp;
    size_t i;
    for (i = 0; i < len && !l->bad; i++) {
        int n;
        l->held[l->count++] = bytes[i];
        n = llmfi_utf8_next(l->held, l->held + l->count, &cp);
        l->bad = n < 0;
        if (n > 0) l->count = 0;
    }
}

static void llmfi_service_string_tap(void *user, const char *bytes, size_t len) {
    llmfi_jw_str_piece((llmfi_jw *)user, llmfi_str(bytes, len));
}

/* Pieces of base64 come 192 bytes at a time, and an object's all at once: each is a whole number of groups, but for the last. */
static void llmfi_service_base64_out_tap(void *user, const char *bytes, size_t len) {
    llmfi_put_base64(((llmfi_jw *)user)->out, bytes, len);
}

/* "value" or "value_b64", without a copy of it: it is put twice. */
static bool llmfi_service_write_value(llmfi_jw *w, int op, llmf_str body, llmf_str about, llmf_error *err) {
    llmfi_service_look look;
    llmfi_out o;
    memset(&look, 0, sizeof look);
    llmfi_out_count(&o);
    o.tap = llmfi_service_look_tap;
    o.tap_user = &look;
    if (!llmfi_service_value(op, body, about, &o, NULL, err)) return false;
    if (look.count) look.bad = true;
    o.tap = look.bad ? llmfi_service_base64_out_tap : llmfi_service_string_tap;
    o.tap_user = w;
    llmfi_jw_key_str(w, look.bad ? LLMFI_LIT("value_b64") : LLMFI_LIT("value"));
    llmfi_jw_str_begin(w);
    (void)llmfi_service_value(op, body, about, &o, NULL, err);
    llmfi_jw_str_end(w);
    return true;
}

/* A key, a prefix or a token as a string of JSON. */
static void llmfi_service_write_text(llmfi_jw *w, const llmfi_s3_page *p, llmf_str raw, bool token) {
    llmfi_out o;
    llmfi_out_count(&o);
    o.tap = llmfi_service_string_tap;
    o.tap_user = w;
    llmfi_jw_str_begin(w);
    (void)(token ? llmfi_xml_put(&o, raw) : llmfi_s3_put(p, &o, raw));
    llmfi_jw_str_end(w);
}

static bool llmfi_service_write_list(llmfi_jw *w, llmf_str body, llmf_str about, llmf_error *err) {
    llmfi_s3_page p;
    int kind, got;
    if (!llmfi_s3_page_begin(&p, body, about, err)) return false;
    for (kind = LLMFI_S3_KEY; kind <= LLMFI_S3_PREFIX; kind++) {
        llmfi_jw_key_str(w, kind == LLMFI_S3_KEY ? LLMFI_LIT("keys") : LLMFI_LIT("prefixes"));
        llmfi_jw_array(w);
        llmfi_xml_init(&p.xml, body);
        while ((got = llmfi_s3_list_next(&p)) != LLMFI_S3_END)
            if (got == kind) llmfi_service_write_text(w, &p, p.key, false);
        llmfi_jw_array_end(w);
    }
    if (p.token.len) {
        llmfi_jw_key(w, "next_token");
        llmfi_service_write_text(w, &p, p.token, true);
    }
    return true;
}

/* The error's own message as the caller's text. */
static size_t llmfi_service_write_message(llmf_str body, char *out, size_t cap, llmf_error *err) {
    llmfi_service_said said;
    char text[512];
    llmf_str message;
    size_t n;
    llmfi_service_read(&said, body);
    message = llmfi_service_message(&said, text, sizeof text);
    if (!cap) return 0;
    n = llmfi_utf8_cut(message, cap - 1).len;
    if (n) memcpy(out, message.ptr, n);
    out[n] = '\0';
    err->message = llmfi_str(out, n);
    return 0;
}

LLMF_API size_t llmf_aws_decode(const char *operation, int status, llmf_str body, char *out, size_t cap, llmf_error *err) {
    llmf_error own;
    llmf_str about = llmfi_cstr(operation), region;
    llmfi_out o;
    llmfi_jw w;
    int op, got;
    if (!err) err = &own;
    llmfi_error_clear(err);
    if (!out) cap = 0;
    if (cap) out[0] = '\0';
    for (op = 0; op < LLMFI_SERVICE_OPS && !llmfi_eq(about, llmfi_cstr(llmfi_service_ops[op].name));) op++;
    if (op == LLMFI_SERVICE_OPS)
        return (void)llmfi_error_set(err, LLMF_ERR_ARGUMENT, "llmf_aws_decode: operation is GetObject, ListObjectsV2, GetParameter or GetSecretValue"), (size_t)0;
    got = llmfi_service_judge(op, status, llmfi_str("", 0), llmfi_str("", 0), body, about, &region, err);
    if (got == LLMFI_SERVICE_SAME) (void)llmfi_error_set(err, LLMF_ERR_BAD_REQUEST, "llmf_aws_decode: a reply that nothing has changed (304) holds nothing");
    if (got != LLMFI_SERVICE_GOOD) return llmfi_service_write_message(body, out, cap, err);
    llmfi_out_window(&o, out, cap ? cap - 1 : 0, 0);
    llmfi_jw_init(&w, &o);
    llmfi_jw_object(&w);
    if (op == LLMFI_SERVICE_S3_LIST ? !llmfi_service_write_list(&w, body, about, err) : !llmfi_service_write_value(&w, op, body, about, err)) {
        if (cap) llmfi_wipe(llmfi_str(out, cap));
        return 0;
    }
    llmfi_jw_object_end(&w);
    if (cap) out[o.len] = '\0';
    return (size_t)o.total;
}

#else

LLMF_API size_t llmf_aws_decode(const char *operation, int status, llmf_str body, char *out, size_t cap, llmf_error *err) {
    (void)operation, (void)status, (void)body;
    if (cap) out[0] = '\0';
    if (err) llmfi_error_put_left_out(err, "llmf_aws_decode", "SOURCES");
    return 0;
}

#endif
#endif
