internal import Clock
internal import Crypto

/// What a thread has at hand of what is never the same: randomness, fetched in advance, and the
/// `Date` line of this second.
final class Fresh {
    private var pool = RandomPool()
    private var dateLine = DateLine()

    func date(at time: WallTime) -> [UInt8] { dateLine.octets(at: time) }

    func identifier() -> String {
        do throws(CryptoError) {
            return try pool.identifier()
        } catch {
            preconditionFailure("no randomness: \(error.description)")
        }
    }

    func integer() -> UInt64 {
        do throws(CryptoError) {
            return try pool.integer()
        } catch {
            preconditionFailure("no randomness: \(error.description)")
        }
    }
}
