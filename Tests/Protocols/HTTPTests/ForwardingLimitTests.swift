import HTTP
import Testing

/// RFC 9110 §7.6.2.
@Suite struct ForwardingLimitTests {
    private func limit(_ method: Method, _ values: [String]) -> ForwardingLimit {
        RequestHead(
            method: method, target: 0..<0, minorVersion: 1,
            fields: Fields(values.map { ("Max-Forwards", $0) })
        ).forwardingLimit
    }

    @Test(
        arguments: [
            (["0"], .hops(0)), (["00"], .hops(0)), (["1"], .hops(1)), (["070"], .hops(70)),
            ([String(repeating: "9", count: 40)], .hops(999_999_999)),
            ([], .none), ([""], .malformed), (["-1"], .malformed), (["1 "], .malformed),
            (["0x1"], .malformed), (["1,1"], .malformed), (["1", "1"], .malformed),
            (["\u{661}"], .malformed),
        ] as [([String], ForwardingLimit)])
    func `the limit is one number`(values: [String], expected: ForwardingLimit) {
        #expect(limit(.options, values) == expected)
        #expect(limit(.trace, values) == expected)
    }

    @Test(arguments: [Method.get, .head, .post, .put, .delete, .patch, .connect, .other("X")])
    func `of other methods it means nothing`(method: Method) {
        #expect(limit(method, ["0"]) == .none && limit(method, ["x"]) == .none)
    }
}
