package import TLS

/// How one connection to a server is encrypted.
package struct OriginSecurity {
    package let context: TLSClientContext
    /// The name that the server's certificate must be for.
    package let host: String
    /// Octets that are sent in front of TLS: a PROXY header.
    package let preface: [UInt8]

    package init(_ context: TLSClientContext, host: String, preface: [UInt8] = []) {
        self.context = context
        self.host = host
        self.preface = preface
    }
}

/// Why a connection to a server could not be secured.
package enum OriginSecurityFailure: Equatable {
    /// The server ended the connection.
    case closed
    case failed(TLSFailure)
    case timedOut
    /// There is no memory for it, or the host is none.
    case impossible(String)

    /// For the log.
    package var reason: String {
        switch self {
        case .closed: "the server closed the connection during the TLS handshake"
        case .failed(.certificate(let fault)): "TLS: \(fault.description)"
        case .failed: "the TLS handshake failed"
        case .timedOut: "the TLS handshake took too long"
        case .impossible(let reason): reason
        }
    }
}
