import Bytes
package import HTTP
package import Identity

/// Event streams whose clients read what the gateway itself says. They ask for it, so that the
/// streams of old front ends hold nothing but what the upstream says.
package enum EventControl {
    package static let parameter = "gateway"
    package static let field = "x-gateway-control"
    private static let version = "v1"

    /// `?gateway=v1`, which is all an EventSource can say, or `X-Gateway-Control: v1`.
    package static func isWanted(by head: RequestHead, _ query: QueryString) -> Bool {
        if query.only(parameter) == version { return true }
        let fields = head.fields
        return fields.lines.contains { line in
            fields.bytes.span.extracting(line.name).matchesIgnoringCase(field)
                && fields.bytes.span.extracting(line.value).matches(version.utf8.span)
        }
    }
}
