import Crypto
import Testing

/// Keys of an issuer, and of somebody else (`other…`), made for these tests with the `openssl`
/// command and used nowhere else.
enum SampleKey: String, CaseIterable, Sendable {
    case rsa, p256, p384, p521, ed25519
    case otherRSA, otherP256, otherEd25519
    /// Of 1024 bits.
    case weakRSA

    /// Read once: that a modulus is no prime takes time to see.
    private static let privateKeys = privatePEM.compactMapValues { pem in
        try? PrivateKey(pem: pem.utf8.span)
    }

    func privateKey() throws -> PrivateKey { try #require(Self.privateKeys[self]) }
    func publicKey() throws -> PublicKey { try privateKey().publicKey }

    private static let privatePEM: [SampleKey: String] = [
        .rsa: """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCTpk42TNnm/xYm
        Jpn/pMpgn1CRWjnKdN7i7NobOKtkJRkLqiumfiKuIEFNbQRj5Yl7UEvnFj9VnaoQ
        hA3Zj9S1Ypmd+QhbdeqEKu/xoV8BysWEn0rwTeXEYfsqRQkkE2K4dq2/Xq17r59Z
        osHAzzfJ4eqokjvcSNpAXVsOyaROJU4iKIaqUmbC04JOpkGjc55+ri8CvJ06tq8Q
        pBWibeR0BHDrD2BKhaJ+g9c3PCSMqPCzwo2L7K1zM4A5+SQ44lavp9dj+ZWZFYdd
        np1sth7K2q/crPDrKQ0t5meVOk0NNu5J4LDoPnxNkH2GUkgiIhtkz5mTJEtL8O+J
        x5V1dRgRAgMBAAECggEABa9TjO0B6Xj3hgSFIr4E5MTS5KXQBSbhe2SZ3o5yBZXA
        FHOQNrAzRE0NoUjfRbwNbRK3DsYL2OS3KuegDjkRfDe4U8gbiu9MAPFo8lQU77a6
        StREnbgCGWuZsL5JDyXdQ95Ilk5ePkg8HxwQewyqHeXK6S6oNgpqt4ELWShpC8Z+
        SGKNFWXs3yj5jMrSePDsbpsBIC5xtnxUtLWcKqLImyT+L7JzfxqB2J1U4go5KXNC
        0n+jqXREb5MiLomNkVnh3kOP2zRaxy1lCepiG9jGiE/TUXltOhPDDDF060AMzpUj
        w7J8jVB+h+ExEcAP8ByMXQ1Rv+pwbFJEu0qKYHu1gQKBgQDKnOFuuj8ju3ptdrFg
        dsR19V6J71/UsObsxGyb77ECbhhaW/qXhYkf2d3cR8D3SR+7gCVI3X9rtnRn7Pe7
        QGZjerPzg+yjBjTZFbR/pCWtNSQxN6MoWw9D4gQr1sjMjvDTbJ7UD0OXSObAQUxR
        +7aDNI4y8HFpalpFDBq3T/9fSQKBgQC6jesHK1tVc2CVpR/nFTVXyy1y1mYgtUvz
        s4gTV0QYaMc6Ifz9o022M+p6bKEzhPbRMXiGpnP2vuMItd4GrBypzr7rX2L7R0+3
        WK3ZyVqRQ11A5Z9BEmbGzGhPJrTcacklqy5+YZCns93s22Wyfz5u+LD8UplqxAeC
        oXXp8kBKiQKBgHqxQXoR4oY600pSI9tsUE+2BEe24usjLNOXpsVPAnucO7cMF9WF
        kaHuBoGMGfglGcgrM2jKaIzLcfY081c7CkWXWj1OWA/ohDwo/qKEviQDGCWNsYmQ
        is/qn+gEKphkvsTo880qaR3FkaY+ZH8I1F7jhnCmVacmNf+18r+q+9OxAoGAJnlW
        W2gpsfnVlYc0iSfqlGymtuRYs64wN9Zy3epFdPNHA0o3LugbAtS6Kv10UXe+n24g
        eUSi7eR4VjeLzrx4PN0SquBFPaV7X0i+sgfA0eyest+odHcjEyTc7lYBPuPiRA6F
        zDK67ps9zbeBxcpQSfqoJaGzWj2LfvllpBX+BGECgYEApveHRZIrfaixO/lywwAs
        T7h8M6D4tXdy989hmH2r+v/p/Rh3QXdVwF89BkAhDrZqN1ap6WQkXcP8ig/0ymLC
        77WWe1N03y69PkwE94jUYobCj/hHduq/PZMsxrs0zBZ9RlaA5JQMPtMhZdvsPkbN
        V9dqRD/76xevGNi3hqtbB78=
        -----END PRIVATE KEY-----
        """,
        .p256: """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnJei3LJYbYece2SX
        YvXkah00ZR5j8eoc3S9KQjAIfYihRANCAARnX8o9p9FCMiQ0aCTyWJaRtvZl6Omp
        7cdtqbOFlp8uv/H3ax+9Vm8kcDqjX6xSsQXkLKg2bCF1gvF/3JvpMs1w
        -----END PRIVATE KEY-----
        """,
        .p384: """
        -----BEGIN PRIVATE KEY-----
        MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDA2I6wE49Uqf/brgKIp
        2ZwD/2P9ChavVcBj9uVDo/tUbGEkfAVefJNW4x8aU3CLVhuhZANiAAR1yzQ9xUGw
        Y8m9AgCuQ1HEnAe8ZD/v+iI2l0LHuu9tOMxWljL5Y3hkYwHIpmaO5OtzOFqaS2Dd
        xiPIXLJIqXMBP8iAJgGWLAKKDUGFSIkGecWVb40+T/S7D+NXUC04HrY=
        -----END PRIVATE KEY-----
        """,
        .p521: """
        -----BEGIN PRIVATE KEY-----
        MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIAmAqkNA8VwC6uKH/w
        z4X9v2LjbOSF/jOF5HhcNwHWpGK+oaNqljph/EJrZGqrsKCXXP3U6WjqAp6Yt7Uu
        TPViJmOhgYkDgYYABAEeOnizca2EswNQ4EGypqjq1iSxeT5lyMujlMwX7Fsi06lz
        N3887pZt0M42ekY4789Ju/yuwtpDCxkqswxBHVV+KAE0LDPbgMvB4bEVax9zUhDJ
        /WCVpu4F3/kb7iQ6+Pz6Qoo6y8JraMR0UIMzX7Fh2P7HHzy4OWWXlbkqe9VQGG/c
        Lg==
        -----END PRIVATE KEY-----
        """,
        .ed25519: """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIAocibmSYPhPtYlHUavx72raLNAAOaKUbySw3vsSJcwr
        -----END PRIVATE KEY-----
        """,
        .otherRSA: """
        -----BEGIN PRIVATE KEY-----
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQChwP9SlAne/0BF
        YO16uADp8Gq884uItyaqvSK8A1/BancudDh8GiExomQGTT0gfUMk5FWQt6gKXkti
        a/AmUwlb9oEFNDF2EdpgYCBg69GcvUWHxOVqYyjKbdm22Q9jDKtBC4bJlOhtuBFm
        85romwNYgTFaqu1b926i0rI+905X1CLw78bZsIHuXSJZaR7D6ipRTEhcIK2nUM0e
        0QEq47GPnfYMbB2kgWlrAkU/zlBYuwVICpjqHa7CikKhzSFkwY2Tn0QS3mRguAPO
        HkaDqVJtMbev8pRq+HLEx5lBqbPQI0pOITYPtFr2Wzg2ms1tWUTx11LxcPsY2i8y
        IKBQrNsJAgMBAAECggEAAISU110C+mmjI+BkvO0EOmYwfqIMUyfm90qmEae0cZ2X
        e8NtKjSOi6ajSa6LS2SAnQh1dQJUMZL4tybKUjfCLWmzeGKg5T8MYxzxAu5uXDac
        7ODcAoRbwpN/IXSTdd6PWSTMzdjCCmvkSQnu999bL42GV23PAb7f5fnlDoo4gCkm
        lTrrkl4V9Ug3N4TmAq3OaXq/Q8JquhO5q3hmMuBCAkUHfA59B4BFI/wxWmp9xL9J
        kGYiV/iemPVPLjafrt2JLIb4Lhz3Z2dDbMOJnH8QtBhdCvRJp215VUbrjgbCzms1
        vibWeKg/+UAa0pI7OoDgaIZ0lhZ0SfADys804D3IQQKBgQDMZSVWr/IxVk+GEoj4
        nJ5aR517sJ+tCEYFX8mBoIvz4kN9qN/C3uwpHcIBzXdeex3pj5qPgVC6ncEPzxUt
        v4TmYGZNDNvWF5JW0qAj5W4FWmkvQvKkdksNgHSiTBwEjlyJGodXQkvSx1cvfpfq
        Gkh13/U8GaolHuVvUie4CZT+sQKBgQDKl8ilfiOV4693l92sQsRHqEtGDbJuBf0P
        FPTJ1DToWBvwdKlTqvzHnZGXfrrCzrO0mupaNWbLlcBJKZQWbd2lsyY1WMrSJ8ye
        60WOjFN1I2ANoUKz6YqCpdHZIk8OzxM3GhX1YPa1HttHIa4jSs3Q0PtexW1QuFCU
        k1Dt1NQn2QKBgEfAIfFiZmTHZbcs/oQ3hqcuiKwI/qShSONOEtC8aSS+Au8zvwkL
        dF+ioJ49YG/8TC3XSWyi+pHoGwPPsCGVH7Q3lvHpV6q6L5bm7Wxsd8jNSitbFw6A
        sCwXMdpfWV6IExfWBjitfyyI6aQ0jmORwmoOqmnkoIPTars/Xc4PHwyhAoGAQAxS
        W7eQKn/r5kQ1yZLmGL1k5sXHxi7QfScj6HbVLytD0fYf3hqthbIT6DAhfRr6Bzv+
        oPxG/k/elYK2lYywSQVlK/JhVKVOdGNu/wzwCZVgdY6o1tYbewhPWnUVR1pB+eae
        UJASDtqtekR0mCW7Aaw//AswbxeGKiKUsEvbsqkCgYBF2VZhYg27vqys7qhMnBv0
        7KrM/mbcm/oBg1P/qlfd4sOSmTNrL/HabWtQ2ViAvWJllC0iouUY35BnSf0rpEh+
        yFyUA0bl+WhgW7BjDeO/WH80weV/399lGc0yJlCIIGAr+rTU1vbKRdYtddN8HPip
        X17I28JgmygGvHjt5Jkj7Q==
        -----END PRIVATE KEY-----
        """,
        .otherP256: """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtKIhojemIe91w5aD
        5StgnSHGPG/i45o7Q44Y5Fi2nF+hRANCAARoJNWmsRodwGriCvCO0snTS/iO7HbI
        3byIUGfiL78xTJUX7rvZKM1yyiXhaAZ8OWAqrpF5RGUk+i+A1DFbmUKi
        -----END PRIVATE KEY-----
        """,
        .otherEd25519: """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIK2jHI2agRePCsbkQf493pCy9F68tYoJs6q/Kn6Ud0Wn
        -----END PRIVATE KEY-----
        """,
        .weakRSA: """
        -----BEGIN PRIVATE KEY-----
        MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBANI3Pqiau0jViks1
        fIRvDPU75rl9LsPeQn2UG1gO+m4w6yrSKRa6af7xf2tL7v3g+UhsDbAoyjTxob+K
        DETt7fFh1SZETTYy3gymvMr3zsaQQWPvabRItWabioQnvEXQOstJfo2N6YSX4vEA
        0jjCHucJoF68rw+UXXQI2cXuE6zdAgMBAAECgYBOjcpiYv/dZb66ABC5xG3JLks3
        wWm6U9Hw72mQbHh0uN8IL2SfU6XMWR5OUB/My0ccIxSyYWu+gRT6aHHRSEADqCAQ
        cKFbYAbA6kunBdd4jVAlMkDQkIri9FN0IBvJytV01JnNEXYmVBOEr3LWchTnkn+4
        2NUk+LFe8Me5ZTG/QQJBAO8yrbrevxjr+wWnvHgmixYBWo99jv8c+XYfxDha1Bma
        2hk0u9ENcii96DmvWsz08QMMCgbr+Y0lZ0aHsmt/whUCQQDg+2ayQ5YB8Y6o9UPW
        HwoxV4e6uB8rKUruMtyqSRwtrJgVpZotDVR0WhugG9fyqXPTiHvXVoVLVCbpWJji
        RpmpAkBNbzqOpE144+v/iK2at9+O4CFREnSYYejgNKhxFfZT062HO2sR4ihyyAfF
        pN7gOutK8TrNwtamutUUIBnCczmBAkA3wPV9PdSB3MvewREzkfOjsK5ZLmHC/3Or
        Pf2DUaTjCL+TtbtUaNZCE0Z/UgcdArNKe6s8/RsBRPRzpVoV0SspAkEArKTZlc71
        14W746JsBTqvm1iBA/EKXom2HL2ltbB5E7kQukScO5vUxwYtWZMhXs/+G2PzNJOM
        JSEicnvsUF2r9Q==
        -----END PRIVATE KEY-----
        """,
    ]

    /// What everybody may know of `rsa`.
    static let rsaPublicPEM = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAk6ZONkzZ5v8WJiaZ/6TK
        YJ9QkVo5ynTe4uzaGzirZCUZC6orpn4iriBBTW0EY+WJe1BL5xY/VZ2qEIQN2Y/U
        tWKZnfkIW3XqhCrv8aFfAcrFhJ9K8E3lxGH7KkUJJBNiuHatv16te6+fWaLBwM83
        yeHqqJI73EjaQF1bDsmkTiVOIiiGqlJmwtOCTqZBo3Oefq4vArydOravEKQVom3k
        dARw6w9gSoWifoPXNzwkjKjws8KNi+ytczOAOfkkOOJWr6fXY/mVmRWHXZ6dbLYe
        ytqv3Kzw6ykNLeZnlTpNDTbuSeCw6D58TZB9hlJIIiIbZM+ZkyRLS/DviceVdXUY
        EQIDAQAB
        -----END PUBLIC KEY-----
        """
}
