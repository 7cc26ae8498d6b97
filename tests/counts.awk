# The counts in a log of tests: "passed failed skipped".
/^\[  PASSED  \]/ { p += $4 }
/^ *[0-9]+ SKIPPED TEST/ { s += $1 }
/^ *[0-9]+ FAILED TEST/ { f += $1 }
/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; s += $5 }
END { printf "%d %d %d\n", p, f, s }
