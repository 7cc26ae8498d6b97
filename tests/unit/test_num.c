/* Numbers: against the C library where it is exact (glibc's strtod and printf are), by random bits, hard cases, round trips. */
#include "corpus.h"
#include <math.h>
#include <float.h>
#include "../../src/base/num.h"
#include "../less.h"

/* Whether the C library is a judge: Windows' strtod is not exact, and nothing of the test's own is where the compiler reckons with doubles as it likes. */
#if defined(_WIN32) || defined(__FAST_MATH__)
#define JUDGE 0
#else
#define JUDGE 1
#endif

static bool same_double(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static void check_double(const char *text) {
    double got = 12345, want = strtod(text, NULL);
    float gotf = 12345, wantf = strtof(text, NULL);
    bool ok = llmfi_parse_double(llmfi_cstr(text), &got), okf = llmfi_parse_float(llmfi_cstr(text), &gotf);
    if (ok != !isinf(want) || (ok && !same_double(got, want))) fail_msg("%s: got %.17g, want %.17g", text, got, want);
    if (okf != !isinf(wantf) || (okf && memcmp(&gotf, &wantf, sizeof gotf) != 0)) fail_msg("%s: float got %.9g, want %.9g", text, (double)gotf, (double)wantf);
}

static const char *const hard[] = {
    "0", "-0", "0.0", "-0.0e5", "1", "-1", "0.1", "0.3", "1e22", "1e23", "8.5e22", "9007199254740993", "9007199254740992", "9007199254740991",
    "9007199254740993.0000000000000000000000000000000000001", "9007199254740992.9999999999999999999999999999999999999", "1e18", "1e19",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999", "1e308", "1.7976931348623157e308",
    "1.7976931348623158e308", "1.7976931348623159e308", "1.797693134862315807e308", "1.797693134862315808e308", "1e309", "1e310", "1e311", "-1e400", "1e99999999999999999999",
    "2.2250738585072014e-308", "2.2250738585072011e-308", "2.2250738585072012e-308", "2.225073858507201136057409796709131975934819546351645648023426109724822222021076945516529523908135087914149158913039621106870086438694594645527657207407820621743379988141063267329253552286881372149012981122451451889849057222307285255133155755015914397476397983411801999323962548289017107081850690630666655994938275772572015763062690663332647565300009245888316433037779791869612049497390377829704905051080609940730262937128958950003583799967207254304360284078895771796150945516748243471030702609144621572289880258182545180325707018860872113128079512233426288368622321503775666622503982534335974568884423900265498198385487948292206894721689831099698365846814022854243330660339850886445804001034933970427567186443383770486037861622771738545623065874679014086723327636718751234567890123456789012345678901e-308",
    "5e-324", "4.9e-324", "4.94065645841246544e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2.47032822920623272088284396434110686182e-324", "2.470328229206232720882843964341106861825299013071623822127928412503377536351043e-324",
    "2.470328229206232720882843964341106861825299013071623822127928412503377536351044e-324", "1e-323", "1e-324", "1e-330", "1e-345", "1e-400", "0e999999999999", "1e-999999999999999999999", "7.4109846876186981626485318930233205854758970392148714663837852375101326090531312779794975454245398856969484704316857659638998506553390969459816219401617281718945106978546710679176872575177347315553307795408549809608457500958111373034747658096871009590975442271004757307809711118935784838675653998783503015228055934046593739791790738723868299395818481660169122019456499931289798411362062484498678713572180352209017023903285791732520220528974020802906854021606612375549983402671300035812486479041385743401875520901590172592547146296175134159774938718574737870961645638908718119841271673056017045493004705269590165763776884908267986972573366521765567941072508764337560846003984904972149117463085539556354188641513168478436313080237596295773983001708984375e-324",
    "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203124", "1.00000000000000011102230246251565404236316680908203126",
    "1.00000000000000033306690738754696212708950042724609375", "0.000000000000000000000000000000000000000000000000000000000000000000001", "100000000000000000000000000000000000000000000000000000000000e-50",
    "123456789012345678901234567890", "0.500000000000000166533453693773481063544750213623046875", "3.518437208883201171875e13", "62.5364939768271845828", "8.10109172351e-10", "1.50000000000000011102230246251565",
    "16777217", "16777216.5", "3.4028235e38", "3.4028236e38", "3.40282356779733661637539395458142568448e38", "1.401298464324817e-45", "0.7006492321624085e-45", "0.7006492321624086e-45", "1.17549435e-38", "1.17549429e-38",
    "6.631236871469758276785396630275967242379848e-316", "3.237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708663913273994694463908672332e-319",
    ".5", "5.", "007", "0000000000000000000000000000001", "0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001e120"
};

static void test_hard(void **state) {
    size_t i;
    (void)state;
    if (!JUDGE) skip();
    for (i = 0; i < LLMFI_COUNT(hard); i++) check_double(hard[i]);
}

static void test_random_text(void **state) {
    uint64_t seed = 88172645463325252u;
    char text[1200];
    int i;
    (void)state;
    if (!JUDGE) skip();
    for (i = 0; i < less(60000); i++) {
        size_t n = 1 + corpus_random(&seed) % (i % 100 == 0 ? 1000 : 25), k, point = corpus_random(&seed) % (n + 1);
        char *p = text;
        if (corpus_random(&seed) & 1) *p++ = '-';
        for (k = 0; k < n; k++) {
            if (k == point && k) *p++ = '.';
            *p++ = (char)('0' + corpus_random(&seed) % 10);
        }
        *p = 0;
        if (corpus_random(&seed) & 1) sprintf(p, "e%d", (int)(corpus_random(&seed) % 680) - 340);
        check_double(text);
    }
}

/* Numbers as embeddings have them, and the middle between two floats with its neighbours, in few digits. */
static void test_floats(void **state) {
    uint64_t seed = 42;
    char text[80];
    int i, off;
    (void)state;
    if (!JUDGE) skip();
    for (i = 0; i < less(60000); i++) {
        uint64_t r = corpus_random(&seed);
        uint32_t bits = (uint32_t)(100 + (r >> 32) % 50) << 23 | (uint32_t)(r & 0x7fffff);
        float low, high;
        double middle;
        memcpy(&low, &bits, sizeof low);
        bits++;
        memcpy(&high, &bits, sizeof high);
        middle = ((double)low + (double)high) / 2;
        for (off = 8; off < 20; off++) {
            sprintf(text, "%.*g", off, i % 3 ? middle : (double)low);
            check_double(text);
        }
        sprintf(text, "%.30g", middle);
        check_double(text);
    }
}

/* Decimal expansions of the exact middle between two doubles, and one digit to each side. */
static void test_halfway(void **state) {
    uint64_t seed = 1234567;
    static char text[2000];
    int i;
    (void)state;
    if (!JUDGE) skip();
    for (i = 0; i < less(3000); i++) {
        uint64_t bits = corpus_random(&seed) >> 1;
        double low, high;
        long double middle;
        char *e;
        if (i % 3 == 0) bits &= UINT64_C(0xfffffffffffff) | UINT64_C(0x3) << 52; /* near and below the least normal */
        if (bits >> 52 >= 0x7fe) continue;
        memcpy(&low, &bits, sizeof low);
        bits++;
        memcpy(&high, &bits, sizeof high);
        middle = ((long double)low + (long double)high) / 2; /* exact: 64 bits of significand */
        if (LDBL_MANT_DIG < 64) break;
        sprintf(text, "%.1100Le", middle);
        check_double(text);
        e = strchr(text, 'e');
        e[-1] = '1'; /* just above */
        check_double(text);
    }
}

static void check_round_trip(double value) {
    char text[LLMFI_DOUBLE_TEXT + 1], best[64];
    double back;
    size_t n = llmfi_print_double(text, value), digits = 0, wanted, i;
    int k;
    assert_true(n > 0 && n <= LLMFI_DOUBLE_TEXT);
    text[n] = 0;
    if (!llmfi_parse_double(llmfi_str(text, n), &back) || !same_double(back, value)) fail_msg("%s does not read back as %.17g", text, value);
    if (!JUDGE) return;
    if (!same_double(strtod(text, NULL), value)) fail_msg("%s is not %.17g for strtod", text, value);
    for (k = 0; k < 17; k++) {
        sprintf(best, "%.*e", k, value);
        if (same_double(strtod(best, NULL), value)) break;
    }
    wanted = (size_t)k + 1;
    for (i = 0; i < n && text[i] != 'e'; i++) digits += llmfi_is_digit(text[i]);
    if (text[0] == '0' || text[0] == '-' || n > 1) { /* zeros that only hold the place are no digits of the number */
        const char *p = text, *end = text + i;
        digits = 0;
        while (p < end && (*p == '0' || *p == '.' || *p == '-')) p++;
        while (end > p && (end[-1] == '0' || end[-1] == '.')) end--;
        for (; p < end; p++) digits += *p != '.';
    }
    if (value != 0 && digits > wanted) fail_msg("%s has %d digits, %s has %d", text, (int)digits, best, (int)wanted);
}

static void test_print(void **state) {
    static const struct {
        double value;
        const char *text;
    } rows[] = { { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { 0.1, "0.1" }, { 0.7, "0.7" }, { 100, "100" }, { 1e20, "100000000000000000000" }, { 1e21, "1e21" }, { 1.5e-7, "1.5e-7" },
        { 0.000001, "0.000001" }, { 5e-324, "5e-324" }, { 1.7976931348623157e308, "1.7976931348623157e308" }, { -123.456, "-123.456" }, { 9007199254740993.0, "9007199254740992" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" }, { 0.30000000000000004, "0.30000000000000004" }, { 1234567890123456789.0, "1234567890123456800" } };
    char text[LLMFI_DOUBLE_TEXT];
    uint64_t seed = 99, bits;
    double value;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(rows); i++) {
        size_t n = llmfi_print_double(text, rows[i].value);
        assert_int_equal(n, strlen(rows[i].text));
        assert_memory_equal(text, rows[i].text, n);
    }
    assert_int_equal(llmfi_print_double(text, HUGE_VAL), 0);
    assert_int_equal(llmfi_print_double(text, -HUGE_VAL), 0);
    assert_int_equal(llmfi_print_double(text, nan("")), 0);
    for (i = 0; i < (size_t)less(40000); i++) {
        bits = corpus_random(&seed);
        if (i % 4 == 0) bits &= UINT64_C(0x800fffffffffffff) >> (i / 4 % 50); /* denormals of every length */
        if ((bits >> 52 & 0x7ff) == 0x7ff) continue;
        memcpy(&value, &bits, sizeof value);
        check_round_trip(value);
        check_round_trip((double)(int64_t)(bits % 2000000) / 1000);
    }
    for (i = 1; i < (size_t)less(0x7ff); i++) { /* the powers of two and their neighbours */
        for (bits = (uint64_t)i << 52, bits--; bits <= ((uint64_t)i << 52) + 1; bits++) {
            memcpy(&value, &bits, sizeof value);
            check_round_trip(value);
        }
    }
}

static void test_refused(void **state) {
    static const char *const bad[] = { "", "-", ".", "-.", "+1", " 1", "1 ", "1e", "1e+", "1e-", "e5", ".e1", "1.2.3", "0x10", "inf", "nan", "1e5.", "1,5", "--1", "1e1e1", "12345678a", "1234567890123456789012a" };
    double d = 7;
    float f = 7;
    int64_t n = 7;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(bad); i++) {
        assert_false(llmfi_parse_double(llmfi_cstr(bad[i]), &d));
        assert_false(llmfi_parse_float(llmfi_cstr(bad[i]), &f));
        assert_false(llmfi_parse_int(llmfi_cstr(bad[i]), &n));
        assert_false(llmfi_parse_pico(llmfi_cstr(bad[i]), &n));
    }
    assert_true(d == 7 && f == 7 && n == 7);
}

static void test_int(void **state) {
    static const int64_t values[] = { 0, 1, -1, 9, 10, -10, 99, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1 };
    static const char *const bad[] = { "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999999", "1.0", "1e3", "0x1", "1_0" };
    char text[LLMFI_INT_TEXT];
    char want[32];
    int64_t back;
    size_t i, n;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(values); i++) {
        n = llmfi_print_int(text, values[i]);
        sprintf(want, "%lld", (long long)values[i]);
        assert_int_equal(n, strlen(want));
        assert_memory_equal(text, want, n);
        assert_true(llmfi_parse_int(llmfi_str(text, n), &back));
        assert_true(back == values[i]);
    }
    for (i = 0; i < LLMFI_COUNT(bad); i++) assert_false(llmfi_parse_int(llmfi_cstr(bad[i]), &back));
    assert_true(llmfi_parse_int(llmfi_cstr("-0"), &back) && back == 0);
    assert_int_equal(llmfi_print_uint(text, UINT64_MAX), 20);
}

static void test_pico(void **state) {
    static const struct {
        const char *text;
        int64_t pico;
    } good[] = { { "0", 0 }, { "1", 1000000 }, { "0.0028", 2800 }, { "2.50", 2500000 }, { "15", 15000000 }, { "0.000001", 1 }, { "0.0000010000000000000000000000", 1 },
        { "2.8e-3", 2800 }, { "1e2", 100000000 }, { "0.075", 75000 }, { "9223372036854.775807", INT64_MAX }, { "-1", -1000000 }, { "0.0000000", 0 } };
    static const char *const bad[] = { "0.0000001", "1.2345678", "9223372036854.775808", "1e14", "0.00000100000000000000000000001", "1e999999999999", "1e-999999999999" };
    int64_t pico;
    size_t i;
    (void)state;
    for (i = 0; i < LLMFI_COUNT(good); i++) {
        assert_true(llmfi_parse_pico(llmfi_cstr(good[i].text), &pico));
        assert_true(pico == good[i].pico);
    }
    for (i = 0; i < LLMFI_COUNT(bad); i++) assert_false(llmfi_parse_pico(llmfi_cstr(bad[i]), &pico));
    assert_true(llmfi_parse_whole(llmfi_cstr("12.0"), &pico) && pico == 12);
    assert_true(llmfi_parse_whole(llmfi_cstr("1.2e1"), &pico) && pico == 12);
    assert_false(llmfi_parse_whole(llmfi_cstr("12.5"), &pico));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hard), cmocka_unit_test(test_random_text), cmocka_unit_test(test_floats), cmocka_unit_test(test_halfway), cmocka_unit_test(test_print),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_int), cmocka_unit_test(test_pico) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
