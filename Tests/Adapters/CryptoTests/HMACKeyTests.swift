import Bytes
import Crypto
import Testing

func hexadecimal(_ octets: [UInt8]) -> String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func isValid(_ code: [UInt8], _ message: [UInt8], _ key: HMACKey) throws -> Bool {
    try key.isValid(code.span, for: message.span)
}

@Suite("Message authentication codes")
struct HMACKeyTests {
    private static let message = Array("what do ya want for nothing?".utf8)

    @Test(
        "codes are those of RFC 4231 §4.3",
        arguments: [
            (.sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                .sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
                    + "8e2240ca5e69e2c78b3239ecfab21649"
            ),
            (
                .sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                    + "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
            ),
        ] as [(HMACKey.Algorithm, String)])
    func vectors(algorithm: HMACKey.Algorithm, expected: String) throws {
        let key = try HMACKey(algorithm, secret: "Jefe".utf8.span)
        let code = try key.authenticationCode(for: Self.message.span)
        #expect(hexadecimal(code) == expected)
        #expect(code.count == algorithm.length)
        #expect(try isValid(code, Self.message, key))
    }

    @Test("a key longer than a block is hashed first (RFC 4231 §4.7)")
    func longKey() throws {
        let secret = [UInt8](repeating: 0xAA, count: 131)
        let key = try HMACKey(.sha256, secret: secret.span)
        let message = "Test Using Larger Than Block-Size Key - Hash Key First"
        #expect(
            hexadecimal(try key.authenticationCode(for: message.utf8.span))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("a key gives the same codes again and again, also for nothing")
    func reuse() throws {
        let key = try HMACKey(.sha256, secret: "Jefe".utf8.span)
        let empty: [UInt8] = []
        let first = try key.authenticationCode(for: empty.span)
        let second = try key.authenticationCode(for: Self.message.span)
        #expect(first != second)
        #expect(try key.authenticationCode(for: empty.span) == first)
        #expect(try key.authenticationCode(for: Self.message.span) == second)
    }

    @Test("only the whole right code is valid")
    func invalid() throws {
        let key = try HMACKey(.sha256, secret: "Jefe".utf8.span)
        let code = try key.authenticationCode(for: Self.message.span)
        for index in code.indices {
            for bit in 0..<8 {
                var wrong = code
                wrong[index] ^= 1 << bit
                #expect(try !isValid(wrong, Self.message, key))
            }
            #expect(try !isValid(Array(code[..<index]), Self.message, key))
        }
        #expect(try !isValid(code + [0], Self.message, key))
        #expect(try !isValid(code, Array("other".utf8), key))
        let otherKey = try HMACKey(.sha256, secret: "jefe".utf8.span)
        #expect(try !isValid(code, Self.message, otherKey))
        let otherHash = try HMACKey(.sha512, secret: "Jefe".utf8.span)
        #expect(try !isValid(code, Self.message, otherHash))
    }

    @Test("an empty secret makes no key", arguments: HMACKey.Algorithm.allCases)
    func emptySecret(algorithm: HMACKey.Algorithm) {
        let secret: [UInt8] = []
        #expect(throws: CryptoError.self) { try HMACKey(algorithm, secret: secret.span) }
    }

    @Test("many threads share one key")
    func threads() async throws {
        let key = try HMACKey(.sha384, secret: "Jefe".utf8.span)
        let valid = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var valid = 0
                    for round in 0..<500 {
                        let message = Array("\(task) \(round)".utf8)
                        let code = try key.authenticationCode(for: message.span)
                        if try key.isValid(code.span, for: message.span) { valid += 1 }
                    }
                    return valid
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(valid == 4000)
    }
}
