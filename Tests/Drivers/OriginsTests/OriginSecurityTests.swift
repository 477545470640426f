import Bytes
import Peers
import TLS
import Testing
import Transport

@testable import Loop
@testable import Origins

/// The handshake on a connection to a server, one side after the other.
@Suite struct OriginSecurityTests {
    private let authority: CertificateAuthority
    private let engine = TLSEngine()
    private let buffer = ReadBuffer()

    init() throws { authority = try CertificateAuthority() }

    private func client() throws -> TLSClientContext {
        try TLSClientContext(authority: authority.root.certificate)
    }

    /// Goes on with both sides until the client's is over, or has failed.
    private func shake(_ server: Stream, _ security: OriginSecurity, on plain: Stream)
        throws -> Result<Stream, OriginSecurityFailure>
    {
        do throws(OriginSecurityFailure) {
            let secured = try security.begin(on: plain, engine: engine)
            for _ in 0..<200_000 {
                if try OriginSecurity.proceed(secured, buffer) { return .success(secured) }
                _ = server.receive(into: buffer)
                _ = server.flush()
            }
            return .failure(.timedOut)
        } catch {
            return .failure(error)
        }
    }

    private func server(_ name: String) throws -> TLSContext {
        let identity = try authority.issue(name)
        return try TLSContext(
            certificate: TLSCertificate(chainPEM: identity.certificate, keyPEM: identity.key),
            hosts: [], versions: [.v12, .v13], tickets: TicketKeys())
    }

    @Test func `it is over when the server is who it should be`() throws {
        let (accepted, connected) = try Listener.loopback().pair(tls: server("app.test"))
        let security = OriginSecurity(try client(), host: "app.test")
        let secured = try shake(accepted, security, on: connected).get()
        #expect(secured.isEstablished)
    }

    @Test func `a server with another name is told from one that speaks no TLS`() throws {
        let (accepted, connected) = try Listener.loopback().pair(tls: server("other.test"))
        let security = OriginSecurity(try client(), host: "app.test")
        guard case .failure(.failed(.certificate)) = try shake(accepted, security, on: connected)
        else {
            Issue.record("another name passed")
            return
        }
        let plain = try Listener.loopback().pair()
        let secured = try security.begin(on: plain.connected, engine: engine)
        _ = plain.accepted.send([UInt8]("HTTP/1.1 400 Bad Request\r\n\r\n".utf8).span)
        #expect(throws: OriginSecurityFailure.self) {
            while try !OriginSecurity.proceed(secured, buffer) {}
        }
    }

    @Test func `what stands in front of TLS comes first`() throws {
        let (accepted, connected) = try Listener.loopback().pair()
        let security = OriginSecurity(try client(), host: "app.test", preface: Array("PROXY".utf8))
        _ = try security.begin(on: connected, engine: engine)
        var octets: [UInt8] = []
        while octets.count < 6 {
            guard case .octets(let count) = accepted.receive(into: buffer) else { break }
            if count > 0 { octets += buffer.octets.array }
        }
        #expect(Array(octets.prefix(5)) == Array("PROXY".utf8))
        #expect(octets.dropFirst(5).first == 22, "a record of the handshake (RFC 8446 §5.1)")
    }

    @Test func `a server that goes, and a name that is none, are faults of their own`() throws {
        let (accepted, connected) = try Listener.loopback().pair()
        let security = OriginSecurity(try client(), host: "app.test")
        let secured = try security.begin(on: connected, engine: engine)
        accepted.close()
        #expect(throws: OriginSecurityFailure.closed) {
            while try !OriginSecurity.proceed(secured, buffer) {}
        }
    }
}
