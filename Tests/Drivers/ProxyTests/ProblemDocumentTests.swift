import Clients
import Clock
import Endings
import HTTP1
import Identity
import Testing

@testable import Proxy

@Suite struct ProblemDocumentTests {
    private func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

    @Test(
        arguments: [
            (
                Refusal(.policy, status: 404, message: "No such page"),
                """
                {"type":"about:blank","title":"Not Found","status":404,"detail":"No such page",\
                "reason":"policy","request_id":"r1"}
                """
            ),
            (
                Refusal(.unauthenticated, detail: "token_expired", message: "Token expired"),
                """
                {"type":"about:blank","title":"Unauthorized","status":401,\
                "detail":"Token expired","reason":"unauthenticated",\
                "details":{"reason":"token_expired"},"request_id":"r1"}
                """
            ),
            (
                Refusal(.connectionRejected, message: "\"2대\"\n"),
                """
                {"type":"about:blank","title":"Conflict","status":409,\
                "detail":"\\"2대\\"\\n","reason":"connection_rejected","request_id":"r1"}
                """
            ),
        ])
    func `a refusal over HTTP is a problem document`(refusal: Refusal, document: String) {
        #expect(text(ProblemDocument.encode(refusal, requestID: "r1")) == document)
    }

    @Test(
        arguments: [
            (
                Refusal(.unauthenticated, detail: "token_expired", message: "Token expired"),
                """
                {"type":"error","error":{"message":"Token expired","code":4001,\
                "details":{"reason":"token_expired"},"timestamp":"2026-11-21T02:00:00Z"}}
                """
            ),
            (
                Refusal(.forbidden, message: "Not for this role"),
                """
                {"type":"error","error":{"message":"Not for this role","code":4003,\
                "details":{"reason":"forbidden"},"timestamp":"2026-11-21T02:00:00Z"}}
                """
            ),
        ])
    func `a refusal on a WebSocket is an error message`(refusal: Refusal, message: String) {
        let time = WallTime(seconds: 1_795_226_400)
        #expect(text(ControlReply.error(refusal, at: time).octets) == message)
    }

    @Test(arguments: HeadError.allCases)
    func `a head that cannot be understood ends with its status`(error: HeadError) {
        let isTooBig = [413, 414, 431].contains(error.status)
        #expect(
            error.refusal
                == Refusal(
                    isTooBig ? .tooBig : .protocolError, status: error.status,
                    message: error.message))
    }
}
