// The same as tokens.c by a package of npm: node tokens.cjs tiktoken|gpt-tokenizer ENCODING ROUNDS FILE...
const fs = require("fs");
const [name, encoding, rounds, ...files] = process.argv.slice(2);
let count;
if (name === "tiktoken") {
    const { Tiktoken } = require("tiktoken/lite");
    const data = require(`tiktoken/encoders/${encoding}.json`);
    const t = new Tiktoken(data.bpe_ranks, data.special_tokens, data.pat_str);
    count = text => t.encode_ordinary(text).length;
} else {
    const { countTokens } = require(`gpt-tokenizer/cjs/encoding/${encoding}`);
    count = text => countTokens(text, { disallowedSpecial: new Set() });
}
for (const file of files) {
    const text = fs.readFileSync(file, "utf8");
    let least = Infinity, n = -1;
    for (let k = 0; k < Number(rounds); k++) {
        const begin = process.cpuUsage();
        n = count(text);
        const took = process.cpuUsage(begin);
        least = Math.min(least, took.user + took.system);
    }
    console.log(`${n} ${Buffer.byteLength(text)} ${least}`);
}
console.log(`memory ${process.resourceUsage().maxRSS}`);
