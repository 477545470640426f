import Endings
import Testing

@Suite struct EndReasonTests {
    /// One row of the contract's table: the word, the close code, the HTTP status where nothing
    /// more exact is known.
    struct Row: Sendable, CustomTestStringConvertible {
        var word: String
        var closeCode: UInt16
        var status: Int?
        var testDescription: String { word }

        init(_ word: String, _ closeCode: UInt16, _ status: Int?) {
            self.word = word
            self.closeCode = closeCode
            self.status = status
        }
    }

    static let table = [
        Row("normal", 1000, nil),
        Row("client_gone", 1001, nil),
        Row("upstream_closed", 1001, nil),
        Row("protocol_error", 1002, 400),
        Row("invalid_payload", 1007, 400),
        Row("policy", 1008, 403),
        Row("too_big", 1009, 413),
        Row("internal_error", 1011, 500),
        Row("upstream_unavailable", 1013, 502),
        Row("draining", 1012, 503),
        Row("overloaded", 1013, 503),
        Row("rate_limited", 1013, 429),
        Row("slow_consumer", 4008, nil),
        Row("unauthenticated", 4001, 401),
        Row("forbidden", 4003, 403),
        Row("connection_rejected", 4009, 409),
        Row("force_disconnect", 4010, nil),
        Row("replaced", 4011, nil),
        Row("timeout", 1001, 408),
    ]

    @Test(arguments: table)
    func `a reason has the faces of its row`(row: Row) throws {
        let reason = try #require(EndReason(rawValue: row.word))
        #expect(reason.closeCode == row.closeCode)
        #expect(reason.status == row.status)
    }

    @Test func `the table has a row for every reason, and only one`() {
        #expect(EndReason.allCases.map(\.rawValue).sorted() == Self.table.map(\.word).sorted())
    }

    @Test(arguments: EndReason.allCases)
    func `a close code is one that may be sent`(reason: EndReason) {
        // RFC 6455 §7.4: never 1004 to 1006 nor 1015; 1012 and 1013 are registered with IANA,
        // 4000 to 4999 are for private use.
        let code = reason.closeCode
        #expect(
            [1000, 1001, 1002, 1007, 1008, 1009, 1011, 1012, 1013].contains(code)
                || 4000...4999 ~= code)
    }

    @Test(arguments: EndReason.allCases)
    func `a refusal takes the status of its reason`(reason: EndReason) {
        let refusal = Refusal(reason, message: "No")
        #expect(refusal.status == reason.status ?? 500)
        #expect(refusal.reason == reason)
        #expect(refusal.detail == nil)
        #expect(refusal.retryAfterSeconds == nil)
    }

    @Test(arguments: [
        (EndReason.policy, 404), (.policy, 405), (.tooBig, 414), (.tooBig, 431),
        (.upstreamUnavailable, 503), (.upstreamUnavailable, 504),
    ])
    func `a refusal may name the sibling of a status`(reason: EndReason, status: Int) {
        #expect(Refusal(reason, status: status, message: "No").status == status)
    }
}
