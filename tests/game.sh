#!/bin/sh
# examples/game, played from a script on a display that is only in memory: the innkeeper talks while the scene goes on, walks where the model wants her, is
# interrupted, and goes on.
. tests/lib.sh
if ! command -v Xvfb >/dev/null || ! pkg-config --exists sdl2; then
    skip "game: Xvfb or SDL2 is not there"
    total
    exit
fi
mkdir -p build/examples/game
# shellcheck disable=SC2046
set -- $(pkg-config --cflags sdl2)
ok "game compiles" gcc -std=c99 -Wall -Wextra -Werror -g -I. "$@" -o build/examples/game/game examples/game/*.c -lSDL2 -lcurl
for src in examples/game/*.c; do silent "$src compiles with clang" clang -std=c99 -Wall -Wextra -Werror -I. "$@" -fsyntax-only "$src"; done

start_server
timeout 250 Xvfb -displayfd 1 -screen 0 800x600x24 -nolisten tcp >"$t/display" 2>"$t/xvfb" &
display_pid=$!
trap 'kill $display_pid 2>/dev/null; finish' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s "$t/display" ] || sleep 1; done
export DISPLAY=":$(cat "$t/display")" SDL_VIDEODRIVER=x11 SDL_RENDER_DRIVER=software OPENAI_API_KEY=loopback-key

play() { # STATUS SCRIPT-LINE...: what it prints goes to $t/said and $t/told
    want=$1
    shift
    printf '%s\n' "$@" >"$t/script"
    timeout 60 build/examples/game/game openai:gpt-4o-mini "$t/script" >"$t/said" 2>"$t/told"
    status=$?
    [ $status -eq "$want" ] || { echo "status $status"; cat "$t/said" "$t/told"; return 1; }
}
le() { od -An -td4 -j"$2" -N4 "$1" | tr -d ' '; }
pixel() { # FILE X Y: of a picture whose rows go from the lowest to the highest, four bytes a dot
    od -An -tx4 -j$(($(le "$1" 10) + (($(le "$1" 22) - 1 - $3) * $(le "$1" 18) + $2) * 4)) -N4 "$1" | sed 's/ *..//'
}
colours() { od -An -v -tx4 -w4 -j"$(le "$1" 10)" "$1" | sort -u | wc -l; }
coat_at() { [ "$(pixel "$1" $(($2 * 32 + 16)) $(($3 * 32 + 20)))" = 2060a0 ]; } # FILE, TILE

export OPENAI_BASE_URL="$base/d60000/v1"
ok "the game is played" play 0 'wait 20' "shot $t/before.bmp" 'type call move_to {"x": 3, "y": 8}; wave' 'enter' 'until speech' 'print' 'until quiet' 'print' "shot $t/after.bmp" \
    'type echo: a long story, so long that nobody hears its end, for it is told word by word and the night is short' 'enter' 'until speech' 'wait 10' 'esc' 'until quiet' 'print' \
    'type call move_to {"x": 99, "y": 8}' 'enter' 'until quiet' 'print' 'type echo: and on it goes' 'enter' 'until quiet' 'print' "shot $t/end.bmp"
line() { sed -n "$1p" "$t/said"; }
ok "a picture is not blank" [ "$(colours "$t/before.bmp")" -ge 8 ]
ok "she stands in the middle" coat_at "$t/before.bmp" 10 5
ok "after the tool call she is elsewhere" coat_at "$t/after.bmp" 3 8
ok "and no longer in the middle" sh -c "[ '$(pixel "$t/after.bmp" 336 180)' != 2060a0 ]"
begun() { case 'The tool said: done' in "$(line 1)"?*) [ -n "$(line 1)" ] ;; *) false ;; esac }
ok "the text appears while it streams" begun
ok "the result of each tool goes back" [ "$(line 2),$(line 3)" = 'The tool said: done,done' ]
ok "the bubble is drawn" [ "$(pixel "$t/after.bmp" 8 212)" = f4f0e0 ]
ok "Esc ends an answer" sh -c "echo '$(line 4)' | grep -qx 'echo: a long .* (cancelled)' && ! echo '$(line 4)' | grep -q short"
ok "a place outside of the room is told to the model" [ "$(line 5)" = 'The tool said: that is outside of the room' ]
ok "the game goes on" [ "$(line 6)" = 'echo: and on it goes' ]
ok "what it counts" grep -qE '^[0-9]+ frames, .* 3 answers, 3 tool calls, 1 cancelled, 0 failed$' "$t/said"
# Other programs may take the processor away in the middle of a frame; waiting for the network would make all of them late.
in_time() { awk '/ frames, / { print; exit !($1 > 150 && $9 * 20 <= $1) }' "$t/said"; }
ok "at most one frame in twenty is late" in_time
in_time

ok "a script with a mistake" play 1 'jump'
ok "names it" grep -qx 'jump: no such command' "$t/told"
OPENAI_BASE_URL="$base/x-status-429/v1"
ok "a busy server" play 1 'type hello' 'enter' 'wait 1' 'until quiet' 'print' 'wait 5'
ok "is told" grep -q 'Rate limit reached' "$t/told"
ok "is in the bubble" [ "$(line 1)" = ' (rate_limit)' ]
OPENAI_BASE_URL=http://127.0.0.1:1/v1
ok "no server" play 1 'type hello' 'enter' 'wait 1' 'until quiet' 'print' 'wait 5'
ok "is told, too" grep -q 'nothing listens there' "$t/told"
unset OPENAI_API_KEY
ok "no key" play 1 'type hello' 'enter' 'wait 1' 'until quiet'
ok "the variable is named" grep -q OPENAI_API_KEY "$t/told"
total
