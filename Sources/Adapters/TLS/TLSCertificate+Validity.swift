internal import COpenSSL

extension TLSCertificate {
    /// Whether one certificate of the chain is good today (RFC 5280 §4.1.2.5).
    package struct Validity: Sendable, Equatable {
        package enum State: Sendable, Equatable {
            case valid
            /// Since so many days.
            case expired(days: Int)
            /// The certificate will be valid in this many days.
            case notYet(days: Int)
        }

        /// The place of the certificate in the chain, from 1.
        package var number: Int
        package var state: State
    }

    /// The validity of the leaf and of each certificate behind it, by the clock of this machine.
    package var validity: [Validity] {
        // Live as long as this object.
        let all = unsafe [leaf] + chain
        // The certificates live as long as this object.
        return unsafe all.indices.map { index in
            // `all[index]` is one of the certificates that live as long as this object.
            Validity(number: index + 1, state: unsafe Self.state(of: all[index]))
        }
    }

    /// How long the leaf is still good, by the clock of this machine; negative behind its end.
    package var timeLeft: Duration? {
        var days: Int32 = 0
        var seconds: Int32 = 0
        // The times belong to the leaf, which lives as long as this object; null stands for now.
        let end = unsafe X509_get0_notAfter(leaf)
        // The results are local.
        guard unsafe ASN1_TIME_diff(&days, &seconds, nil, end) == 1 else { return nil }
        return .seconds(Int64(days) * 86_400 + Int64(seconds))
    }

    private static func state(of certificate: OpaquePointer) -> Validity.State {
        // The times belong to the certificate, which is live.
        if let past = unsafe Self.fromNow(X509_get0_notAfter(certificate)), past.isPast {
            return .expired(days: past.days)
        }
        // The times belong to the certificate, which is live.
        if let start = unsafe Self.fromNow(X509_get0_notBefore(certificate)), !start.isPast {
            return .notYet(days: start.days)
        }
        return .valid
    }

    /// Whether a time is past, and how many whole days away it is; nil for one that is none.
    private static func fromNow(_ time: UnsafePointer<ASN1_TIME>?) -> (isPast: Bool, days: Int)? {
        var days: Int32 = 0
        var seconds: Int32 = 0
        // Null stands for now; the results are local.
        guard unsafe ASN1_TIME_diff(&days, &seconds, nil, time) == 1 else { return nil }
        return (days < 0 || seconds < 0, Int(days.magnitude))
    }
}
