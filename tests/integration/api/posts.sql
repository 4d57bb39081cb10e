-- Three invented channels: counters known and unknown, a person on a picture, two scripts, and
-- texts that hold LIKE's special characters.
insert into marts.dim_channels values
('c1', 'addis_drugs', 'Addis_Drugs', 'Addis Drugs', '{}', 1001, 4, 3, 250.00, '2025-03-01 08:00+00', '2025-03-02 09:00+00'),
('c2', 'selam_pharmacy', 'selam_pharmacy', null, '{}', null, 2, 1, null, '2025-03-01 10:00+00', '2025-03-05 10:00+00'),
('c3', 'quiet_channel', 'quiet_channel', 'Quiet', '{}', 1003, 1, 0, 7.00, '2025-03-09 10:00+00', '2025-03-09 10:00+00');

insert into marts.dim_dates values ('d1', '2025-03-01');

insert into marts.fct_messages values
('a1', 'addis_drugs', 1, 'Paracetamol 500mg 100% pure', 'promotional', 100, 1, 2, true, true, true, '2025-03-01', '2025-03-01 08:00+00'),
('a2', 'addis_drugs', 2, 'paracetamol_forte syrup', 'product_display', 400, 3, 4, true, true, true, '2025-03-01', '2025-03-01 09:00+00'),
('a3', 'addis_drugs', 3, null, 'product_display', 0, 0, 0, false, true, true, '2025-03-01', '2025-03-01 09:00+00'),
('a4', 'addis_drugs', 4, 'closed on Sunday \o/', null, 250, 0, 0, true, false, false, '2025-03-02', '2025-03-02 09:00+00'),
('b1', 'selam_pharmacy', 1, 'ፓራሲታሞል አለ PARACETAMOL', null, 0, 0, 0, false, false, false, '2025-03-01', '2025-03-01 10:00+00'),
('b2', 'selam_pharmacy', 2, 'ፓራሲታሞል 100፡00 ብር', 'other', 0, 0, 0, false, true, true, '2025-03-05', '2025-03-05 10:00+00'),
('q1', 'quiet_channel', 1, 'hello there', null, 7, 0, 0, true, false, false, '2025-03-09', '2025-03-09 10:00+00');

insert into marts.fct_image_detections values
('k1', 'a1', 'addis_drugs', 1, 'person', 'person', '2025-03-01'),
('k2', 'a1', 'addis_drugs', 1, 'blister', 'product', '2025-03-01'),
('k3', 'a2', 'addis_drugs', 2, 'bottle', 'product', '2025-03-01'),
('k4', 'a3', 'addis_drugs', 3, 'bottle', 'product', '2025-03-01'),
('k5', 'a3', 'addis_drugs', 3, 'bottle', 'product', '2025-03-01'),
('k6', 'b2', 'selam_pharmacy', 2, 'cup', 'other', '2025-03-05');
