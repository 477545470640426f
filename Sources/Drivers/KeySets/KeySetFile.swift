import Identity
import Settings
import Transport

/// Reads a file of keys, or of revoked tokens, when it is another one than before.
enum KeySetFile {
    /// Lists of revoked tokens may be long.
    static let revocationsLimit = 16 * 1024 * 1024

    /// - Parameter known: the file as it was read last; nil for not yet.
    /// - Returns: what it holds and its stamp, nil if that says nothing; nil when it is the same
    ///   file still.
    static func read(
        _ path: String, of source: KeySetSource, unless known: FileStamp?
    ) -> (attempt: KeySetAttempt, stamp: FileStamp?)? {
        // Taken before it is read: a change in between shows the next time.
        let stamp = FileStamp(of: path)
        if let stamp, stamp == known { return nil }
        let isSettled = stamp?.isSettled(at: SystemClock.wallTime()) ?? false
        do throws(ConfigurationFileError) {
            let limit =
                if case .revocations = source { revocationsLimit } else {
                    KeySetDocument.sizeLimit
                }
            let octets = try SystemConfigurationFiles().read(path, limit: limit)
            return (.reading(octets, of: source), isSettled ? stamp : nil)
        } catch {
            return (.failure(.file(error.words)), nil)
        }
    }
}

extension ConfigurationFileError {
    fileprivate var words: String {
        switch self {
        case .notFound: "no such file"
        case .notAllowed: "permission denied"
        case .notAFile: "not a regular file"
        case .tooLarge: "the file is too large"
        case .unreadable: "reading failed"
        }
    }
}
