package import HTTP1
package import Transport

/// What happens to a connection to a server.
package enum OriginEvent {
    case connected
    /// The connection cannot be made, and is to be closed.
    case notConnected(SystemError)
    /// The connection is made and cannot be secured; it is to be closed.
    case notSecured(OriginSecurityFailure)
    /// Octets came, which stand in the buffer of the loop.
    case octets
    /// What waited to be sent was taken.
    case drained
    /// The server takes no more; an answer may have come before that.
    case refusesOctets
    /// The server finished sending.
    case ended(HTTP1.ClientConnection.InputEnd)
    /// The connection is broken, and is to be closed.
    case broken
}

/// What the poller said of a connection, as far as it was not looked after.
package struct OriginProgress {
    private var readiness: Readiness
    /// The end of the input came behind octets.
    private var hasEnd = false

    package init(_ readiness: Readiness) { self.readiness = readiness }

    mutating func takeAll() -> Bool {
        defer { readiness = Readiness(rawValue: 0) }
        return readiness.rawValue != 0
    }

    mutating func noteEnd() { hasEnd = true }

    mutating func takeEnd() -> Bool {
        defer { hasEnd = false }
        return hasEnd
    }

    mutating func takeWritable() -> Bool {
        guard readiness.isWritable else { return false }
        // Without the generic set algebra, which is not specialised across modules.
        readiness = Readiness(rawValue: readiness.rawValue & ~Readiness.writable.rawValue)
        return true
    }

    /// - Returns: whether the connection is broken; nil when there is nothing to be read.
    mutating func takeReadable() -> Bool? {
        guard readiness.isReadable || readiness.isBroken else { return nil }
        defer { readiness = Readiness(rawValue: 0) }
        return readiness.isBroken
    }
}
