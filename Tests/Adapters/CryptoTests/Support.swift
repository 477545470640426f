import Bytes
import FoundationEssentials
import Testing

@testable import Crypto

/// SplitMix64: the same octets in every run, so that a failure can be looked at.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// `octets` with one to four octets replaced, inserted, removed or doubled.
    mutating func mutated(_ octets: [UInt8]) -> [UInt8] {
        var copy = octets
        for _ in 0..<Int.random(in: 1...4, using: &self) where !copy.isEmpty {
            let index = Int.random(in: copy.indices, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: copy[index] = UInt8.random(in: 0...255, using: &self)
            case 1: copy.insert(UInt8.random(in: 0...255, using: &self), at: index)
            case 2: copy.remove(at: index)
            case _: copy.insert(contentsOf: copy[index...].prefix(8), at: index)
            }
        }
        return copy
    }
}

/// How often a fuzz test runs: `FUZZ_ITERATIONS`, or a few thousand times.
let fuzzIterations =
    ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 3000

/// Where `FUZZ_SEED` starts another walk.
let fuzzSeed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1

func octets(hexadecimal text: String) -> [UInt8] {
    var octets: [UInt8] = []
    var high: UInt8?
    for digit in text.utf8.compactMap(ASCII.hexValue) {
        if let first = high { octets.append(first << 4 | digit) }
        high = high == nil ? digit : nil
    }
    return octets
}

func octets(base64URL text: String) throws -> [UInt8] {
    let decoded = Base64.decodeURL(text.utf8.span)
    return try #require(decoded)
}

/// Both are numbers of the same length, big-endian, and `right` is not larger.
func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
    var result = left
    var borrow = 0
    for index in left.indices.reversed() {
        let digit = Int(left[index]) - Int(right[index]) - borrow
        borrow = digit < 0 ? 1 : 0
        result[index] = UInt8(truncatingIfNeeded: digit)
    }
    return result
}

/// True when nothing is left in this thread's error queue, where a TLS operation would find it.
func errorQueueIsEmpty() -> Bool { CryptoError.last("probe").reason == "no reason given" }

/// The error of reading a public key, or nil.
func failure(pem: String) -> KeyError? {
    do {
        _ = try PublicKey(pem: pem.utf8.span)
        return nil
    } catch {
        return error
    }
}

extension SampleKey {
    func privateKey() throws -> PrivateKey { try PrivateKey(pem: privatePEM.utf8.span) }
    func publicKey() throws -> PublicKey { try PublicKey(pem: publicPEM.utf8.span) }

    var kind: PublicKey.Kind {
        switch self {
        case .rsa: .rsa
        case .p256: .p256
        case .p384: .p384
        case .p521: .p521
        case .ed25519: .ed25519
        }
    }

    init(for scheme: SignatureScheme) {
        self = Self.allCases.first { $0.kind == scheme.keyKind } ?? .rsa
    }
}
