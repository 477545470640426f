import Forwarding
import Settings
import Testing
import Transport

@testable import Clients

/// Who is at the other end of a connection.
@Suite struct ConnectionOriginTests {
    private static func endpoint(_ text: String, _ port: UInt16) -> ProxyHeader.Endpoint {
        .init(address: NumericAddress(text) ?? .unspecified4, port: port)
    }

    @Test(
        arguments: [
            (ProxyHeader(.local), "10.0.0.1:9", nil, false),
            (ProxyHeader(.local, isSecure: true), "10.0.0.1:9", nil, true),
            (ProxyHeader(.unix), "unix:", nil, false),
            (
                ProxyHeader(
                    .internet(client: endpoint("1.2.3.4", 5), server: endpoint("5.6.7.8", 443)),
                    isSecure: true), "1.2.3.4:5", "5.6.7.8:443", true
            ),
            (
                ProxyHeader(.internet(client: endpoint("::2", 5), server: endpoint("::1", 80))),
                "[::2]:5", "[::1]:80", false
            ),
        ] as [(ProxyHeader, String, String?, Bool)])
    func `a PROXY header says who is at the other end`(
        header: ProxyHeader, client: String, server: String?, isSecure: Bool
    ) throws {
        let address = try #require(SocketAddress(numeric: "10.0.0.1", port: 9))
        let told = ConnectionOrigin(address: address, isSecure: false).told(by: header)
        #expect(told.address.text == client)
        #expect(told.server?.text == server)
        #expect(told.isSecure == isSecure)
        // Our own TLS is TLS, whatever the proxy says.
        #expect(ConnectionOrigin(address: address, isSecure: true).told(by: header).isSecure)
    }

    @Test func `an address reads as the same one wherever it is read`() {
        for text in ["1.2.3.4", "::ffff:1.2.3.4", "2001:db8::1", "::", "1:2:3:4:5:6:7:8"] {
            let socket = SocketAddress(numeric: text, port: 1)
            let numeric = NumericAddress(text)
            #expect(socket?.mappedOctets == numeric?.octets)
            #expect(socket?.host == numeric?.text)
            #expect(numeric.map { SocketAddress($0, port: 1) } == socket)
        }
    }
}
