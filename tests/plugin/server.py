"""Acme's API (examples/plugin/acme.c) on a port of its own, which is printed: /v1/say, streamed as lines of JSON or whole. It is strict: what it does not know is refused."""
import http.server, json

class Acme(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, status, pieces):
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.end_headers()
        for piece in pieces:
            self.wfile.write((json.dumps(piece) + '\n').encode())
            self.wfile.flush()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if self.path != '/v1/say' or self.headers['Authorization'] != 'Bearer acme-key':
            return self.answer(401, [{'error': 'who are you?'}])
        if set(body) - {'model', 'stream', 'limit', 'say'} or any(set(s) != {'who', 'words'} for s in body['say']):
            return self.answer(400, [{'error': 'unknown members'}])
        words = ' '.join(f"{s['who']}: {s['words']}" for s in body['say'])
        if 'fail' in words:
            return self.answer(200, [{'words': 'wel'}, {'error': 'the line is cut'}])
        end = {'why': 'stop', 'heard': len(words), 'said': len(words.split())}
        if body['stream']:
            return self.answer(200, [{'words': w + ' '} for w in words.split()] + [end])
        return self.answer(200, [dict(end, words=words)])

server = http.server.HTTPServer(('127.0.0.1', 0), Acme)
print(server.server_port, flush=True)
server.serve_forever()
