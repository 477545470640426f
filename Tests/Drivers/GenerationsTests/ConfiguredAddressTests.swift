import Settings
import Testing
import Transport

@testable import Generations

@Suite struct ConfiguredAddressTests {
    @Test(
        arguments: [
            (.ip(address: "127.0.0.1", port: 80), "127.0.0.1:80", true),
            (.ip(address: "::1", port: 80), "[::1]:80", true),
            (.ip(address: "localhost", port: 80), "localhost:80", false),
            (.unix(path: "/run/a.sock"), "unix:/run/a.sock", true),
        ] as [(SocketAddressSettings, String, Bool)])
    func `a configured address is written as it was, and is a socket's if it is numeric`(
        settings: SocketAddressSettings, text: String, isAddress: Bool
    ) {
        #expect(settings.text == text)
        #expect(SocketAddress(settings)?.text == (isAddress ? text : nil))
    }
}
