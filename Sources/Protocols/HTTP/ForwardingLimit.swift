import Bytes

/// `Max-Forwards` (RFC 9110 §7.6.2): through how many more proxies a question about the way may go.
package enum ForwardingLimit: Sendable, Equatable {
    /// Through any number: nothing is said, or of a method of which it means nothing.
    case none
    /// Through this many more; with 0, the server that has the request answers it.
    case hops(Int)
    /// The field occurs more than once, or is not a number.
    case malformed

    /// More than there are proxies anywhere; what does not fit is taken for this.
    fileprivate static let most = 999_999_999
}

extension RequestHead {
    /// How far the request may go.
    package var forwardingLimit: ForwardingLimit { fields.forwardingLimit(of: method) }
}

extension Fields {
    /// How far a request with these fields may go. Only of OPTIONS and TRACE is that said.
    package func forwardingLimit(of method: Method) -> ForwardingLimit {
        guard method == .options || method == .trace, let range = range(of: .maxForwards)
        else { return .none }
        let digits = bytes.span.extracting(range)
        guard count(of: .maxForwards) == 1, !digits.isEmpty else { return .malformed }
        var hops = 0
        for index in digits.indices {
            guard ASCII.isDigit(digits[index]) else { return .malformed }
            hops = min(10 * hops + Int(digits[index] - UInt8(ascii: "0")), ForwardingLimit.most)
        }
        return .hops(hops)
    }
}
