"""wechatpy in the place of WeCom's server: seals, signs and opens what the test asks for.

A JSON list of questions on standard input, a JSON list of answers on standard output. The cryptography is wechatpy's alone.
"""

import json
import sys

import xmltodict
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException
from wechatpy.exceptions import InvalidSignatureException


def seal(crypto, ask):
    reply = crypto.encrypt_message(ask["text"], ask["nonce"], ask["timestamp"])
    fields = xmltodict.parse(reply)["xml"]
    return {"encrypted": fields["Encrypt"], "signature": fields["MsgSignature"], "envelope": reply}


def open_sealed(crypto, ask):
    try:
        # The two ways in which a server is asked: with an address check, and with a push.
        echo = crypto.check_signature(ask["signature"], ask["timestamp"], ask["nonce"], ask["encrypted"])
        text = crypto.decrypt_message(
            {"Encrypt": ask["encrypted"]}, ask["signature"], ask["timestamp"], ask["nonce"]
        )
    except InvalidSignatureException:
        return {"refused": "signature"}
    except InvalidCorpIdException:
        return {"refused": "receive id"}
    return {"text": text} if echo == text else {"refused": "two texts in one"}


def answer(ask):
    crypto = WeChatCrypto(ask["token"], ask["key"], ask["receive_id"])
    return {"seal": seal, "open": open_sealed}[ask["do"]](crypto, ask)


json.dump([answer(ask) for ask in json.load(sys.stdin)], sys.stdout)
