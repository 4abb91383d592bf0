"""py-taobao-open, made from the platform's own SDK, as a client of TOP: signs a call, makes it, and tells what it got.

One JSON question on standard input, one JSON answer on standard output. Parameters, time, signature and HTTP are the
package's alone. It has no class for the calls of a shop: one is made as its own are, from `RestApi` and the call's name.
"""

import json
import sys

import taobao_open
from taobao_open.api.base import RequestException, RestApi, TopException


def call(ask):
    class Call(RestApi):
        def getapiname(self):
            return ask["method"]

    made = Call(ask["host"], ask["port"])
    made.set_app_info(taobao_open.appinfo(ask["app_key"], ask["secret"]))
    for name, value in ask["parameters"].items():
        setattr(made, name, value)
    return made.getResponse(ask["session"])


def answer(ask):
    try:
        return {"answer": call(ask)}
    except TopException as error:
        return {"error": {"code": error.errorcode, "sub_code": error.subcode, "msg": error.message}}
    except RequestException as error:
        return {"refused": str(error)}


json.dump(answer(json.load(sys.stdin)), sys.stdout)
