/* C++17: the library behind a small class, the answer streamed to a lambda, errors as values.  ./cpp MODEL QUESTION */
#define LLMFACTORY_IMPLEMENTATION
#include "llmfactory.h"
#include <cstdio>
#include <memory>
#include <string_view>
#include <type_traits>

/* ---- the wrapper: take it with you ---- */

struct close_factory { void operator()(llmf_factory *f) const noexcept { llmf_close(f); } };
using factory = std::unique_ptr<llmf_factory, close_factory>;

/* One question and its answer; what it hands out lives as long as it does. */
class answer {
  public:
    /* Blocks until the answer is whole, and calls on_text with each piece as it comes: true goes on, false stops. */
    template <class OnText> answer(llmf_factory *f, llmf_model m, std::string_view question, OnText on_text) noexcept : f_(f) {
        static_assert(std::is_nothrow_invocable_r_v<bool, OnText &, std::string_view>, "called from C, which no exception may cross");
        llmf_request req{};
        req.prompt = question.empty() ? "" : question.data(); /* a length of 0 would mean: up to the NUL */
        req.prompt_len = question.size();
        req.stream = true;
        req.on_event_user = &on_text;
        req.on_event = [](void *user, const llmf_event *ev) -> int {
            bool go_on = ev->type != LLMF_EVENT_TEXT || (*static_cast<OnText *>(user))({ev->text.ptr, ev->text.len});
            return go_on ? LLMF_CONTINUE : LLMF_STOP;
        };
        llmf_generate(f_, m, &req, &r_);
    }
    answer(const answer &) = delete;
    answer &operator=(const answer &) = delete;
    ~answer() { llmf_release(f_, &r_); }
    explicit operator bool() const noexcept { return r_.error.code == LLMF_OK; }
    std::string_view text() const noexcept { return {r_.text.ptr, r_.text.len}; }
    const llmf_response &response() const noexcept { return r_; }
  private:
    llmf_factory *f_;
    llmf_response r_{};
};

/* ---- a program that uses it ---- */

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "openai:gpt-4o-mini";
    std::string_view question = argc > 2 ? argv[2] : "What is a destructor for? One sentence.";
    llmf_error err{};
    factory f{llmf_open(nullptr, &err)};
    llmf_model m = f ? llmf_get(f.get(), name, &err) : llmf_model{};
    if (!m.id) return std::fprintf(stderr, "%s\n", err.text), 1;

    int pieces = 0;
    answer a{f.get(), m, question, [&pieces](std::string_view piece) noexcept {
                 std::fwrite(piece.data(), 1, piece.size(), stdout);
                 std::fflush(stdout);
                 pieces++;
                 return true;
             }};
    std::puts("");
    if (!a) return std::fprintf(stderr, "%s\n", a.response().error.text), 1;
    std::printf("(%zu bytes in %d pieces)\n", a.text().size(), pieces);
}
