package import TLS
package import Transport

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

    /// Begins the handshake on a connection that is made, and that nothing was sent on.
    ///
    /// - Parameter key: under which sessions are kept to be resumed, see `TLSSession`; nil for a
    ///   whole handshake.
    /// - Returns: the stream in whose place it is from then on.
    package func begin(
        on stream: Stream, resuming key: String? = nil, engine: TLSEngine
    ) throws(OriginSecurityFailure) -> Stream {
        // A system whose queue for a new connection does not take so little has no room for it.
        guard stream.send(preface.span), stream.pendingCount == 0 else { throw .closed }
        do throws(TLSError) {
            return try Stream(
                stream.descriptor, client: context, host: host, resuming: key, engine: engine)
        } catch {
            throw .impossible(error.message)
        }
    }

    /// Goes on with the handshake, when there is something to be read.
    ///
    /// - Parameter buffer: a place for octets, of which none are left there.
    /// - Returns: true when it is over, and requests may be sent.
    package static func proceed(
        _ stream: Stream, _ buffer: ReadBuffer
    ) throws(OriginSecurityFailure) -> Bool {
        switch stream.receive(into: buffer) {
        case .octets(0): return stream.isEstablished
        // HTTP has nothing that comes before a request.
        case .octets: throw .failed(.protocolError)
        case .end, .failed(.connection): throw .closed
        case .failed(.tls(let failure)): throw .failed(failure)
        }
    }
}

/// Why a connection to a server could not be secured.
package enum OriginSecurityFailure: Error, Equatable {
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
