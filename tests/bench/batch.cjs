// The same as batch.c with the OpenAI SDK: AT_ONCE workers that take the next prompt, results by index.   node batch.cjs BASE N AT_ONCE
const { OpenAI } = require('openai');
const [base, n, atOnce] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const FAILS_EACH = 100;
const system = 'You are a helpful assistant that answers in one short paragraph.';
const user = 'Explain in two sentences why a streaming parser should not copy its input more than once.';
const good = new OpenAI({ apiKey: 'none', baseURL: `${base}/v1`, maxRetries: 0 });
const refuses = new OpenAI({ apiKey: 'none', baseURL: `${base}/v1/nowhere`, maxRetries: 0 });
let next = 0, characters = 0, told = 0, failed = 0, wrong = 0;

async function worker() {
    for (let i = next++; i < n; i = next++) {
        const fails = i % FAILS_EACH === FAILS_EACH - 1;
        try {
            const r = await (fails ? refuses : good).chat.completions.create({
                model: 'gpt-4o-mini', temperature: 0.7,
                messages: [{ role: 'system', content: system }, { role: 'user', content: `${user} (${i})` }],
            });
            characters += Buffer.byteLength(r.choices[0].message.content);
            if (fails) wrong++;
        } catch {
            failed++;
            if (!fails) wrong++;
        }
        told++;
    }
}

(async () => {
    const t0 = process.hrtime.bigint(), c0 = process.cpuUsage();
    await Promise.all(Array.from({ length: atOnce }, worker));
    const seconds = Number(process.hrtime.bigint() - t0) / 1e9, cpu = process.cpuUsage(c0);
    console.log(JSON.stringify({ client: 'openai-js', n, told, failed, wrong, characters, per_second: Math.round(n / seconds),
        cpu_us: (cpu.user + cpu.system) / n, rss_kb: process.resourceUsage().maxRSS }));
})();
