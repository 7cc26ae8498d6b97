// schema.cjs SCHEMA CASES CORPUS: the schema is right in an independent validator's eyes (ajv, strict), and says of each case in CASES (corpus --write) what
// the corpus does: accepted files pass, those marked "!" do not. Files are read by another YAML reader than ours.
'use strict';
const fs = require('fs'), path = require('path');
const Ajv = require('ajv/dist/2020').default, YAML = require('yaml');
const [schemaFile, cases, corpus] = process.argv.slice(2);
let passed = 0, failed = 0;
function say(ok, what) {
    if (ok) passed++;
    else failed++, console.log('FAILED: ' + what);
}

const told = [];
const log = { log: m => told.push(m), warn: m => told.push(m), error: m => told.push(m) };
const schema = JSON.parse(fs.readFileSync(schemaFile, 'utf8'));
const ajv = new Ajv({ strict: true, allErrors: false, logger: log });
say(ajv.validateSchema(schema), 'it is no schema of draft 2020-12');
const validate = ajv.compile(schema);
say(told.length === 0, 'ajv warns: ' + told.join('; '));

// What the corpus expects: {name: marks}.
const marks = {};
let name = '';
for (const line of fs.readFileSync(corpus, 'latin1').split('\n')) {
    if (line.startsWith('=== ')) marks[name = line.slice(4).split(' ')[0]] = '';
    else if (/^=[!~w] /.test(line) && name) marks[name] += line[1];
}

// The value of a file; undefined: it cannot be read.
function read(file) {
    const bytes = fs.readFileSync(file);
    let text;
    try {
        text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (e) {
        return undefined;
    }
    if (file.endsWith('.json')) {
        try { return JSON.parse(text); } catch (e) { return undefined; }
    }
    const documents = YAML.parseAllDocuments(text.replace(/\r\n?/g, '\n'), { version: '1.2', uniqueKeys: true, logLevel: 'silent' });
    if (documents.length !== 1 || documents[0].errors.length) return undefined;
    try { return documents[0].toJS(); } catch (e) { return undefined; }
}

for (const [name, mark] of Object.entries(marks)) {
    const folder = path.join(cases, name);
    const files = fs.readdirSync(folder).filter(f => /\.(ya?ml|json)$/.test(f) && !f.startsWith('.'));
    const values = files.map(f => read(path.join(folder, f)));
    const good = values.every(v => v !== undefined && validate(v));
    if (/!/.test(mark)) say(!good, name + ': the schema does not refuse it');
    else if (/~/.test(mark)) passed++; // no schema can see what is wrong with it
    else say(good, name + ': the schema refuses it: ' + (values.includes(undefined) ? 'cannot be read' : ajv.errorsText(validate.errors)));
}
console.log(passed + ' passed, ' + failed + ' failed');
process.exit(failed ? 1 : 0);
