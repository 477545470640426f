import HTTP

/// What the answer to a request depends on. Of one that could not be read nothing is known.
struct RequestTraits: Sendable {
    /// 1 for HTTP/1.1, 0 for HTTP/1.0.
    var minorVersion: UInt8 = 1
    var isHead = false
    var isConnect = false
    /// The connection may be switched to another protocol (RFC 9110 §7.8).
    var asksForUpgrade = false
    /// The client may send another request on the connection.
    var wantsKeepAlive = true
    /// `100 Continue` is waited for: the body may not come without it (RFC 9110 §10.1.1).
    var awaitsContinue = false

    init() {}

    init(_ head: RequestHead) {
        minorVersion = head.minorVersion
        isHead = head.method == .head
        isConnect = head.method == .connect
        asksForUpgrade =
            head.minorVersion == 1 && head.fields.contains(.upgrade)
            && head.fields.list(.connection, contains: "upgrade")
        wantsKeepAlive = head.wantsKeepAlive
        awaitsContinue = head.expectsContinue
    }
}
