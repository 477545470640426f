/// Which close codes may be on the wire.
package enum CloseCode {
    /// True for the codes an endpoint may send: those of RFC 6455 §7.4.1 and the IANA registry
    /// (1012-1014) that are not reserved for local use (1004, 1005, 1006, 1015), and 3000-4999.
    package static func isLegal(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
