import Glibc
import Testing
import Transport

@Suite struct SocketAddressTests {
    @Test(
        arguments: [
            ("127.0.0.1", "127.0.0.1", "127.0.0.1:80"), ("0.0.0.0", "0.0.0.0", "0.0.0.0:80"),
            ("::1", "::1", "[::1]:80"), ("::", "::", "[::]:80"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:db8::1]:80"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:80"),
        ])
    func `numeric addresses have one spelling`(numeric: String, host: String, text: String) throws {
        let address = try #require(SocketAddress(numeric: numeric, port: 80))
        #expect(address.host == host)
        #expect(address.text == text)
        #expect(address.port == 80)
    }

    @Test(arguments: [
        "", "localhost", "127.0.0", "127.0.0.1 ", "0127.0.0.1", "256.0.0.1", "::1%lo", "[::1]",
        "1.2.3.4:80", "127.0.0.1\u{0}x",
    ])
    func `nothing else is an address`(text: String) {
        #expect(SocketAddress(numeric: text, port: 0) == nil)
    }

    @Test func `IPv4 and its mapped form are the same sixteen octets`() throws {
        let four = try #require(SocketAddress(numeric: "192.0.2.7", port: 1))
        let mapped = try #require(SocketAddress(numeric: "::ffff:192.0.2.7", port: 2))
        #expect(four.mappedOctets == mapped.mappedOctets)
        #expect(four.mappedOctets.suffix(6) == [0xFF, 0xFF, 192, 0, 2, 7])
    }

    @Test func `a path is named by itself`() {
        let address = SocketAddress.unix(path: "/run/app.sock")
        #expect(address.text == "unix:/run/app.sock")
        #expect(address.host == "unix")
        #expect(address.port == nil)
        #expect(address.mappedOctets == [UInt8](repeating: 0, count: 16))
    }

    @Test(
        arguments: [
            ("", EINVAL), ("/tmp/a\u{0}b", EINVAL),
            ("/" + String(repeating: "a", count: 107), ENAMETOOLONG),
            ("/" + String(repeating: "ㅎ", count: 36), ENAMETOOLONG),
        ] as [(String, Int32)])
    func `a path that no socket can have is refused, not cut`(path: String, code: Int32) {
        #expect(throws: SystemError("bind", code: code)) {
            try Listener(.unix(path: path))
        }
        #expect(throws: SystemError("connect", code: code)) {
            try Stream.connect(to: .unix(path: path))
        }
    }
}
