/* What Lodge offers an RDP client: TLS alone, no RDP security, what graphics has to offer, and every kind
 * of input. */
#pragma once

#include <freerdp/crypto/certificate.h>
#include <freerdp/crypto/privatekey.h>
#include <freerdp/settings.h>
#include <stdbool.h>

/* Takes certificate and key over where it returns true. */
bool peer_settings_apply(rdpSettings *settings, rdpCertificate *certificate, rdpPrivateKey *key);
