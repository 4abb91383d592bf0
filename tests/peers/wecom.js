// @wecom/crypto in the place of WeCom's server: seals, signs and opens what the test asks for.
//
// A JSON list of questions on standard input, a JSON list of answers on standard output. The cryptography is the package's alone.

const { decrypt, encrypt, getSignature } = require('@wecom/crypto');

function seal({ token, key, receive_id, text, timestamp, nonce }) {
  const encrypted = encrypt(key, text, receive_id);
  return { encrypted, signature: getSignature(token, timestamp, nonce, encrypted) };
}

function open({ token, key, receive_id, encrypted, signature, timestamp, nonce }) {
  if (getSignature(token, timestamp, nonce, encrypted) !== signature) return { refused: 'signature' };
  const { message, id } = decrypt(key, encrypted);
  return id === receive_id ? { text: message } : { refused: 'receive id' };
}

let input = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (part) => (input += part));
process.stdin.on('end', () => {
  const answers = JSON.parse(input).map((ask) => ({ seal, open })[ask.do](ask));
  process.stdout.write(JSON.stringify(answers));
});
