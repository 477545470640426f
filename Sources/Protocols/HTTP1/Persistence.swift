package import HTTP

extension RequestHead {
    /// True when the client may send another request on this connection (RFC 9112 §9.3).
    package var wantsKeepAlive: Bool { fields.allowKeepAlive(minorVersion: minorVersion) }

    /// True when the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    package var expectsContinue: Bool {
        minorVersion == 1 && fields.list(.expect, contains: "100-continue")
    }
}

extension ResponseHead {
    /// True when the upstream keeps the connection open after this response (RFC 9112 §9.3), as far
    /// as its fields say; a body that is framed by the end of the connection ends it all the same.
    package var allowsKeepAlive: Bool { fields.allowKeepAlive(minorVersion: minorVersion) }
}

extension Fields {
    fileprivate func allowKeepAlive(minorVersion: UInt8) -> Bool {
        guard contains(.connection) else { return minorVersion == 1 }
        if list(.connection, contains: "close") { return false }
        return minorVersion == 1 || list(.connection, contains: "keep-alive")
    }
}
